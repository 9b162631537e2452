"""The resolver by structure: a three-way merge of syntax trees and of data. It knows no text, so it only confirms.

Values are nested tuples whose first element says what they are: `("[", …)` a sequence, `("{", (key, value), …)` a
mapping, `(kind, (field, value), …)` a node of a syntax tree.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from swarmgit.resolve import diff3
from swarmgit.resolve.syntax import Malformed, is_future, parse_data, parse_python

Value = Any
SEQUENCE, MAPPING = "[", "{"
IMPORTS = {"Import", "ImportFrom"}
DEFINITIONS = {"FunctionDef", "AsyncFunctionDef", "ClassDef"}
SKIPPED = {"ctx", "type_comment", "kind", "type_ignores"}
ABSENT = ("absent",)


class Clash(Exception):
    """Both sides changed one value in different ways."""


def merged(base: str, ours: str, theirs: str, language: str) -> Value:
    """Return the merged value, None where the sides clash or one of the texts is malformed."""
    try:
        sides = [value(text, language) for text in (base, ours, theirs)]
        return _settled(_merge(*sides))
    except (Clash, Malformed, RecursionError):
        return None


def value(text: str, language: str) -> Value:
    """Return what a text says, equal for texts that say the same; or raise Malformed."""
    try:
        if language == "python":
            return _settled(_node(parse_python(text)))
        return _settled(_data(parse_data(text, language)))
    except RecursionError as error:
        raise Malformed(str(error)) from None


def _node(node: object) -> Value:
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields if name not in SKIPPED)
        return (type(node).__name__, *((name, _node(content)) for name, content in fields))
    if isinstance(node, list):
        return (SEQUENCE, *(_node(item) for item in _one_import_each(node)))
    return (type(node).__name__, repr(node))


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


def _data(data: object) -> Value:
    if isinstance(data, dict):
        return (MAPPING, *((str(key), _data(item)) for key, item in data.items()))
    if isinstance(data, list):
        return (SEQUENCE, *(_data(item) for item in data))
    return (type(data).__name__, repr(data))


def _settled(content: Value) -> Value:
    """Return a value with runs of imports and the keys of mappings in one order."""
    if not isinstance(content, tuple) or not content:
        return content
    kind, *rest = content
    if kind == MAPPING:
        return (MAPPING, *sorted((key, _settled(item)) for key, item in rest))
    if kind != SEQUENCE:
        return (kind, *((pair[0], _settled(pair[1])) if isinstance(pair, tuple) else pair for pair in rest))
    done: list[Value] = []
    run: list[Value] = []
    for item in [*(_settled(item) for item in rest), None]:
        if item is not None and item[0] in IMPORTS:
            run.append(item)
            continue
        done += sorted(set(run), key=repr)
        run = []
        done += [item] if item is not None else []
    return (SEQUENCE, *done)


def _merge(base: Value, ours: Value, theirs: Value) -> Value:
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    kinds = {side[0] for side in (base, ours, theirs)}
    if len(kinds) > 1:
        raise Clash
    if kinds == {SEQUENCE}:
        return (SEQUENCE, *_sequence(base[1:], ours[1:], theirs[1:]))
    if not all(isinstance(part, tuple) for side in (base, ours, theirs) for part in side[1:]):
        raise Clash
    return (*kinds, *_fields(dict(base[1:]), dict(ours[1:]), dict(theirs[1:])))


def _fields(base: dict[str, Value], ours: dict[str, Value], theirs: dict[str, Value]) -> list[tuple[str, Value]]:
    keys = [*ours, *(key for key in theirs if key not in ours)]
    found = [(key, _merge(*(side.get(key, ABSENT) for side in (base, ours, theirs)))) for key in keys]
    return [(key, content) for key, content in found if content != ABSENT]


def _sequence(base: Sequence[Value], ours: Sequence[Value], theirs: Sequence[Value]) -> list[Value]:
    found: list[Value] = []
    for chunk in diff3.chunks(base, ours, theirs):
        plain = chunk.merged
        found += plain if plain is not None else _clashing(chunk.base, chunk.ours, chunk.theirs)
    return found


def _clashing(base: Sequence[Value], ours: Sequence[Value], theirs: Sequence[Value]) -> Sequence[Value]:
    """Return the items where both sides changed neighbouring ones."""
    if all(item[0] in IMPORTS for item in (*base, *ours, *theirs)):
        kept = [item for item in ours if item in theirs or item not in base]
        return [*kept, *(item for item in theirs if item not in ours and item not in base)]
    if base:
        apart = diff3.both(base, ours, theirs)
        if apart is not None:
            return apart
    if len(base) == len(ours) == len(theirs):
        return [_merge(*items) for items in zip(base, ours, theirs, strict=True)]
    if not base and not _names(ours) & _names(theirs) and all(i[0] in DEFINITIONS for i in (*ours, *theirs)):
        return [*ours, *theirs]
    return _by_name(base, ours, theirs)


def _names(items: Sequence[Value]) -> set[Value]:
    return {item[1] for item in items}


def _by_name(base: Sequence[Value], ours: Sequence[Value], theirs: Sequence[Value]) -> list[Value]:
    """Return definitions merged by their names, in the order of ours."""
    sides = [{(item[0], item[1]): item for item in side} for side in (base, ours, theirs)]
    is_named = all(item[0] in DEFINITIONS for item in (*base, *ours, *theirs))
    if not is_named or any(len(a) != len(b) for a, b in zip(sides, (base, ours, theirs), strict=True)):
        raise Clash
    was, mine, others = sides
    order = [*mine, *(key for key in others if key not in mine)]
    found = [_merge(*(side.get(key, ABSENT) for side in (was, mine, others))) for key in order]
    return [item for item in found if item != ABSENT]
