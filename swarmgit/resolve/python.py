"""The resolver by entities for Python: definitions, imports and statements are merged one by one, by their names.

Works on ranges of lines, so that comments, decorators and the form of everything that nobody changed stay.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from swarmgit.resolve import diff3, imports
from swarmgit.resolve.hunks import lines_of
from swarmgit.resolve.syntax import Malformed, parse_python

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Compound = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.With, ast.AsyncWith)
DEPTH_MAX = 20


class Clash(Exception):
    """Both sides changed one entity in ways that do not fit together."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A statement with the blank lines and comments before it (`lead`). `kind`: 'def', 'import' or ''."""

    key: str
    kind: str
    lead: tuple[str, ...]
    lines: tuple[str, ...]
    node: ast.stmt


@dataclass(frozen=True, slots=True)
class Block:
    """The statements of one body, and the lines after the last of them."""

    entities: dict[str, Entity]
    tail: tuple[str, ...]


def merge(base: str, ours: str, theirs: str) -> str | None:
    """Return the merged text of three whose last lines are complete; None where they clash or one is malformed."""
    try:
        blocks = [
            _block(text_lines, parse_python(text).body, 0, len(text_lines))
            for text in (base, ours, theirs)
            for text_lines in [lines_of(text)]
        ]
        return "".join(_merged(*blocks, 0))
    except (Clash, Malformed, RecursionError):
        return None


def _block(lines: Sequence[str], body: Sequence[ast.stmt], start: int, end: int) -> Block:
    """Cut lines [start, end) of a file, which hold exactly `body`, into its statements."""
    found: dict[str, Entity] = {}
    seen: Counter[str] = Counter()
    at = start
    for node in body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
        last = node.end_lineno or node.lineno
        if first < at:
            raise Clash  # two statements on one line
        kind, key = _key(node)
        seen[key] += 1
        key = f"{key}#{seen[key]}" if seen[key] > 1 else key
        found[key] = Entity(key, kind, tuple(lines[at:first]), tuple(lines[first:last]), node)
        at = last
    return Block(found, tuple(lines[at:end]))


def _key(node: ast.stmt) -> tuple[str, str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return "def", f"def {node.name}"
        case ast.Import():
            return "import", ast.unparse(node)
        case ast.ImportFrom():
            return "import", f"from {'.' * node.level}{node.module or ''}"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return "", f"= {name}"
        case _:
            return "", ast.dump(node)


def _merged(base: Block, ours: Block, theirs: Block, depth: int) -> list[str]:
    if depth > DEPTH_MAX:
        raise Clash
    lines: list[str] = []
    for key in _order(base, ours, theirs):
        lines += _entity(*(block.entities.get(key) for block in (base, ours, theirs)), depth)
    for block, other in ((ours, theirs), (theirs, ours)):
        for key in base.entities.keys() - block.entities.keys():
            if key in other.entities and other.entities[key].lines != base.entities[key].lines:
                raise Clash  # one side deleted what the other one changed
    return [*lines, *_plain(base.tail, ours.tail, theirs.tail)]


def _order(base: Block, ours: Block, theirs: Block) -> list[str]:
    """Return the keys of the merged block, in order."""
    order: list[str] = []
    for chunk in diff3.chunks(tuple(base.entities), tuple(ours.entities), tuple(theirs.entities)):
        plain = chunk.merged
        if plain is None and chunk.base:
            found = diff3.both(chunk.base, chunk.ours, chunk.theirs)
            plain = None if found is None else tuple(found)
        order += plain if plain is not None else _added(chunk, ours, theirs)
    if len(set(order)) != len(order):
        raise Clash
    return order


def _added(chunk: diff3.Chunk[str], ours: Block, theirs: Block) -> list[str]:
    """Return the keys where both sides added entities in one place, which must be free to stand in any order."""
    kinds = {ours.entities[key].kind for key in chunk.ours} | {theirs.entities[key].kind for key in chunk.theirs}
    kept = [key for key in chunk.ours if key in chunk.theirs or key not in chunk.base]
    kept += [key for key in chunk.theirs if key not in chunk.ours and key not in chunk.base]
    if kinds == {"import"}:
        rank = imports.rank
        is_sorted = all(list(side) == sorted(side, key=rank) for side in (chunk.ours, chunk.theirs))
        return sorted(kept, key=rank) if is_sorted else kept
    if kinds == {"def"} and not chunk.base:
        return kept
    raise Clash


def _entity(base: Entity | None, ours: Entity | None, theirs: Entity | None, depth: int) -> list[str]:
    if ours is None or theirs is None:
        only = ours or theirs
        assert only is not None
        return [*only.lead, *only.lines]
    was = base.lead if base else ()
    return [*_plain(was, ours.lead, theirs.lead), *_lines(base, ours, theirs, depth)]


def _lines(base: Entity | None, ours: Entity, theirs: Entity, depth: int) -> Sequence[str]:
    was = base.lines if base else ()
    whole = diff3.Chunk(0, was, ours.lines, theirs.lines).merged
    if whole is not None:
        return whole
    if base is None:
        raise Clash
    if ours.kind == "import":
        found = imports.merge(base.lines, ours.lines, theirs.lines)
        if found is None:
            raise Clash
        return found
    sides = (base, ours, theirs)
    if all(type(side.node) is type(ours.node) and isinstance(side.node, Compound) for side in sides):
        cut = [_opened(side) for side in sides]
        if all(found is not None for found in cut):
            heads, blocks = zip(*(found for found in cut if found is not None), strict=True)
            return [*_plain(*heads), *_merged(*blocks, depth + 1)]
    return _plain(base.lines, ours.lines, theirs.lines)


def _opened(entity: Entity) -> tuple[tuple[str, ...], Block] | None:
    """Return the header lines and the body of a compound statement; None where they share a line."""
    node = entity.node
    body: list[ast.stmt] = getattr(node, "body", [])
    top = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    header_end = _header_end(node)
    if body[0].lineno <= header_end:
        return None
    text = entity.lines
    padding = [""] * (top - 1)
    start = header_end
    return text[: start - top + 1], _block([*padding, *text], body, start, top - 1 + len(text))


def _header_end(node: ast.stmt) -> int:
    """Return the last line of what stands before the body, as far as nodes tell."""
    parts: list[ast.AST] = []
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            parts = [node.args, *([node.returns] if node.returns else [])]
        case ast.ClassDef():
            parts = [*node.bases, *node.keywords]
        case ast.With() | ast.AsyncWith():
            parts = [*node.items]
    ends = [getattr(child, "end_lineno", 0) or 0 for part in parts for child in ast.walk(part)]
    return max([node.lineno, *ends])


def _plain(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return lines merged without any rule but that changes which only touch fit together."""
    merged: list[str] = []
    for chunk in diff3.chunks(base, ours, theirs):
        found = chunk.merged
        apart = None if found is not None or not chunk.base else diff3.both(chunk.base, chunk.ours, chunk.theirs)
        if found is None and apart is None:
            raise Clash
        merged += found if found is not None else apart or ()
    return merged
