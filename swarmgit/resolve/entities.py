"""The resolver by entities: definitions, statements or keys are merged one by one, by their names.

Works on ranges of lines, so that comments and the form of everything that nobody changed stay. What an entity is in
a language is for `python` and `keys` to say: they cut a text into blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from swarmgit.resolve import diff3, imports

DEPTH_MAX = 20


class Clash(Exception):
    """Both sides changed one entity in ways that do not fit together."""


class Entity(Struct, frozen=True):
    """`lead`: the blank lines and comments before it. `kind`: 'def', 'key', 'import' or '' for what has its place.

    `shape` says which entities can be merged inside, and `opened` cuts one: its first lines, its body, its last lines.
    """

    key: str
    kind: str
    lead: tuple[str, ...]
    lines: tuple[str, ...]
    shape: str = ""
    opened: Callable[[], Opened | None] | None = None


class Block(Struct, frozen=True):
    """Entities in order, by key, and the lines after the last of them. `commas`: one ends each but the last."""

    entities: dict[str, Entity]
    tail: tuple[str, ...]
    commas: bool = False


class Opened(Struct, frozen=True):
    head: tuple[str, ...]
    body: Block
    foot: tuple[str, ...] = ()


def merge(base: Block, ours: Block, theirs: Block, depth: int = 0) -> list[str]:
    """Return the lines of the merged block, or raise Clash."""
    if depth > DEPTH_MAX:
        raise Clash
    for block, other in ((ours, theirs), (theirs, ours)):
        for key in base.entities.keys() - block.entities.keys():
            if key in other.entities and other.entities[key].lines != base.entities[key].lines:
                raise Clash  # one side deleted what the other one changed
    parts = [
        _entity(base.entities.get(key), ours.entities.get(key), theirs.entities.get(key), depth)
        for key in _order(base, ours, theirs)
    ]
    if ours.commas:
        parts = [*map(_with_comma, parts[:-1]), *parts[-1:]]
    return [*(line for part in parts for line in part), *plain(base.tail, ours.tail, theirs.tail)]


def plain(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return lines merged without any rule but that changes which only touch fit together, or raise Clash."""
    merged: list[str] = []
    for chunk in diff3.chunks(base, ours, theirs):
        found = chunk.merged
        apart = None if found is not None or not chunk.base else diff3.both(chunk.base, chunk.ours, chunk.theirs)
        if found is None and apart is None:
            raise Clash
        merged += found if found is not None else apart or ()
    return merged


def _with_comma(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1].rstrip("\r\n") + "," + lines[-1][len(lines[-1].rstrip("\r\n")) :]]


def _order(base: Block, ours: Block, theirs: Block) -> list[str]:
    """Return the keys of the merged block, in order."""
    order: list[str] = []
    for chunk in diff3.chunks(tuple(base.entities), tuple(ours.entities), tuple(theirs.entities)):
        found: Sequence[str] | None = chunk.merged
        if found is None and chunk.base:
            found = diff3.both(chunk.base, chunk.ours, chunk.theirs)
        order += found if found is not None else _added(chunk, ours, theirs)
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
    if kinds in ({"def"}, {"key"}) and not chunk.base:
        return kept
    raise Clash


def _entity(base: Entity | None, ours: Entity | None, theirs: Entity | None, depth: int) -> list[str]:
    if ours is None or theirs is None:
        only = ours or theirs
        assert only is not None
        return [*only.lead, *only.lines]
    was = base.lead if base else ()
    return [*plain(was, ours.lead, theirs.lead), *_lines(base, ours, theirs, depth)]


def _lines(base: Entity | None, ours: Entity, theirs: Entity, depth: int) -> Sequence[str]:
    whole = diff3.Chunk(0, base.lines if base else (), ours.lines, theirs.lines).merged
    if whole is not None:
        return whole
    if base is None:
        raise Clash
    if ours.kind == "import":
        found = imports.merge(base.lines, ours.lines, theirs.lines)
        if found is None:
            raise Clash
        return found
    if base.shape == ours.shape == theirs.shape != "":
        cut = [side.opened() if side.opened else None for side in (base, ours, theirs)]
        was, mine, others = cut
        if was and mine and others:
            head = plain(was.head, mine.head, others.head)
            foot = plain(was.foot, mine.foot, others.foot)
            return [*head, *merge(was.body, mine.body, others.body, depth + 1), *foot]
    return plain(base.lines, ours.lines, theirs.lines)
