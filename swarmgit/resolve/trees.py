"""The resolver by structure: a three-way merge of syntax trees and of data. It knows no text, so it only confirms.

Equal values get equal numbers, so that comparing two is comparing numbers, however large they are. A number stands
for a tuple whose first element says what it is: `("[", …)` a sequence, `("{", (key, value), …)` a mapping,
`(kind, (field, value), …)` a node of a syntax tree, `("=", text)` anything that has no parts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Any

from swarmgit.resolve import diff3
from swarmgit.resolve.syntax import Malformed, is_future, parse_data, parse_python

Row = tuple[Any, ...]
SEQUENCE, MAPPING, LEAF = "[", "{", "="
IMPORTS = {"Import", "ImportFrom"}
DEFINITIONS = {"FunctionDef", "AsyncFunctionDef", "ClassDef"}
SKIPPED = {"ctx", "type_comment", "kind", "type_ignores"}


class Clash(Exception):
    """Both sides changed one value in different ways."""


class Forest:
    """Values of one language that can be compared with each other."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._numbers: dict[Row, int] = {}
        self._rows: list[Row] = []
        self._absent = self._number(("absent",))

    def value(self, text: str) -> int:
        """Return the number of what a text says, or raise Malformed."""
        try:
            if self._language == "python":
                return self._node(parse_python(text))
            return self._data(parse_data(text, self._language))
        except RecursionError as error:
            raise Malformed(str(error)) from None

    def merged(self, base: str, ours: str, theirs: str) -> int | None:
        """Return the number of the merged value, None where the sides clash or a text is malformed."""
        try:
            return self._merge(self.value(base), self.value(ours), self.value(theirs))
        except (Clash, Malformed, RecursionError):
            return None

    # --- reading ----------------------------------------------------------------------------------------------------

    def _number(self, row: Row) -> int:
        number = self._numbers.setdefault(row, len(self._rows))
        if number == len(self._rows):
            self._rows.append(row)
        return number

    def _node(self, node: object) -> int:
        if isinstance(node, ast.AST):
            fields = ((name, getattr(node, name, None)) for name in node._fields if name not in SKIPPED)
            return self._number((type(node).__name__, *((name, self._node(content)) for name, content in fields)))
        if isinstance(node, list):
            return self._sequence_of(self._node(item) for item in _one_import_each(node))
        return self._number((LEAF, f"{type(node).__name__} {node!r}"))

    def _data(self, data: object) -> int:
        if isinstance(data, dict):
            return self._number((MAPPING, *sorted((str(key), self._data(item)) for key, item in data.items())))
        if isinstance(data, list):
            return self._sequence_of(self._data(item) for item in data)
        return self._number((LEAF, f"{type(data).__name__} {data!r}"))

    def _sequence_of(self, items: Iterable[int]) -> int:
        """Return the number of a sequence in which neighbouring imports stand in one order, each once."""
        done: list[int] = []
        run: set[int] = set()
        for item in items:
            if self._kind(item) in IMPORTS:
                run.add(item)
                continue
            done += [*sorted(run), item]
            run = set()
        return self._number((SEQUENCE, *done, *sorted(run)))

    def _kind(self, number: int) -> str:
        return str(self._rows[number][0])

    def _kinds(self, numbers: Iterable[int]) -> set[str]:
        return {self._kind(number) for number in numbers}

    # --- merging ----------------------------------------------------------------------------------------------------

    def _merge(self, base: int, ours: int, theirs: int) -> int:
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        kinds = self._kinds((base, ours, theirs))
        if len(kinds) > 1 or kinds & {LEAF}:
            raise Clash
        was, mine, others = (self._rows[side][1:] for side in (base, ours, theirs))
        if kinds == {SEQUENCE}:
            return self._sequence_of(self._items(was, mine, others))
        fields = self._fields(dict(was), dict(mine), dict(others))
        return self._number((*kinds, *(sorted(fields) if kinds == {MAPPING} else fields)))

    def _fields(self, base: dict[str, int], ours: dict[str, int], theirs: dict[str, int]) -> list[tuple[str, int]]:
        keys = [*ours, *(key for key in theirs if key not in ours)]
        found = [(key, self._merge(*(side.get(key, self._absent) for side in (base, ours, theirs)))) for key in keys]
        return [(key, content) for key, content in found if content != self._absent]

    def _items(self, base: Sequence[int], ours: Sequence[int], theirs: Sequence[int]) -> list[int]:
        found: list[int] = []
        for chunk in diff3.chunks(base, ours, theirs):
            plain = chunk.merged
            found += plain if plain is not None else self._clashing(chunk.base, chunk.ours, chunk.theirs)
        return found

    def _clashing(self, base: Sequence[int], ours: Sequence[int], theirs: Sequence[int]) -> Sequence[int]:
        """Return the items where both sides changed neighbouring ones."""
        kinds = self._kinds((*base, *ours, *theirs))
        if kinds <= IMPORTS:
            kept = [item for item in ours if item in theirs or item not in base]
            return [*kept, *(item for item in theirs if item not in ours and item not in base)]
        apart = diff3.both(base, ours, theirs) if base else None
        if apart is not None:
            return apart
        if len(base) == len(ours) == len(theirs):
            return [self._merge(*items) for items in zip(base, ours, theirs, strict=True)]
        if not kinds <= DEFINITIONS:
            raise Clash
        return self._by_name(base, ours, theirs)

    def _by_name(self, base: Sequence[int], ours: Sequence[int], theirs: Sequence[int]) -> list[int]:
        """Return definitions merged by their names, in the order of ours, then theirs."""
        sides = [{self._rows[item][1]: item for item in side} for side in (base, ours, theirs)]
        if [len(side) for side in sides] != [len(base), len(ours), len(theirs)]:
            raise Clash
        _, mine, others = sides
        order = [*mine, *(key for key in others if key not in mine)]
        found = [self._merge(*(side.get(key, self._absent) for side in sides)) for key in order]
        return [item for item in found if item != self._absent]


def _one_import_each(block: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for node in block:
        if isinstance(node, ast.Import):
            found += [ast.Import([name]) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and not is_future(node):
            found += [ast.ImportFrom(node.module, [name], node.level) for name in node.names]
        else:
            found.append(node)
    return found
