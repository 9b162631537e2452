"""Three-way comparison of sequences: which parts of a base did one side, the other side, or both change.

Equal elements are paired by the patience method (elements that are unique on both sides anchor the rest), which is
near linear; the gaps between anchors go to difflib while they are small, and count as different when they are not.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T", bound=Hashable)

GAP_MAX = 250_000
"""Largest product of lengths of a gap that is compared element by element."""


class Change(Struct, frozen=True):
    """`base[start:end]` became `side[side_start:side_end]`."""

    start: int
    end: int
    side_start: int
    side_end: int


class Chunk(Struct, Generic[T], frozen=True):
    """A part of the base and what the sides made of it; `at` is where it starts in ours, counted from 0."""

    at: int
    base: tuple[T, ...]
    ours: tuple[T, ...]
    theirs: tuple[T, ...]

    @property
    def merged(self) -> tuple[T, ...] | None:
        """Return the plain three-way result; None for a conflict."""
        if self.ours in (self.base, self.theirs):
            return self.theirs
        return self.ours if self.theirs == self.base else None


def pairs(old: Sequence[T], new: Sequence[T]) -> list[tuple[int, int]]:
    """Return index pairs of equal elements, rising on both sides."""
    found: list[tuple[int, int]] = []
    ahead = [(0, len(old), 0, len(new))]
    while ahead:
        old_start, old_end, new_start, new_end = ahead.pop()
        while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
            found.append((old_start, new_start))
            old_start, new_start = old_start + 1, new_start + 1
        while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
            old_end, new_end = old_end - 1, new_end - 1
            found.append((old_end, new_end))
        if old_start == old_end or new_start == new_end:
            continue
        gap = (old_start, old_end, new_start, new_end)
        anchors = _anchors(old, new, gap)
        if anchors:
            found += anchors
            edges = [(old_start - 1, new_start - 1), *anchors, (old_end, new_end)]
            ahead += [(a[0] + 1, b[0], a[1] + 1, b[1]) for a, b in itertools.pairwise(edges)]
        elif (old_end - old_start) * (new_end - new_start) <= GAP_MAX:
            found += _exact(old, new, gap)
    return sorted(found)


def _anchors(old: Sequence[T], new: Sequence[T], gap: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """Return the longest rising run of elements that occur once in each side of the gap."""
    old_start, old_end, new_start, new_end = gap
    often_old, often_new = Counter(old[old_start:old_end]), Counter(new[new_start:new_end])
    where = {new[at]: at for at in range(new_start, new_end) if often_new[new[at]] == 1}
    both = [(at, where[old[at]]) for at in range(old_start, old_end) if often_old[old[at]] == 1 and old[at] in where]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, at) in enumerate(both):
        place = bisect_left(ends, at)
        before.append(last[place - 1] if place else -1)
        ends[place : place + 1] = [at]
        last[place : place + 1] = [number]
    run: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        run.append(both[number])
        number = before[number]
    return run[::-1]


def _exact(old: Sequence[T], new: Sequence[T], gap: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    old_start, old_end, new_start, new_end = gap
    matcher = SequenceMatcher(None, old[old_start:old_end], new[new_start:new_end], autojunk=False)
    return [
        (old_start + block.a + step, new_start + block.b + step)
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    ]


def changes(old: Sequence[T], new: Sequence[T]) -> list[Change]:
    """Return what differs, in order."""
    found = []
    old_at = new_at = 0
    for old_next, new_next in [*pairs(old, new), (len(old), len(new))]:
        if old_next > old_at or new_next > new_at:
            found.append(Change(old_at, old_next, new_at, new_next))
        old_at, new_at = old_next + 1, new_next + 1
    return found


def chunks(base: Sequence[T], ours: Sequence[T], theirs: Sequence[T]) -> Iterator[Chunk[T]]:
    """Yield the whole of the three sides, cut at every run of elements that neither side changed."""
    in_ours, in_theirs = dict(pairs(base, ours)), dict(pairs(base, theirs))
    stops = [(at, in_ours[at], in_theirs[at]) for at in range(len(base)) if at in in_ours and at in in_theirs]
    b = o = t = 0
    for stop_b, stop_o, stop_t in [*stops, (len(base), len(ours), len(theirs))]:
        if stop_b > b or stop_o > o or stop_t > t:
            yield from _tightened(Chunk(o, tuple(base[b:stop_b]), tuple(ours[o:stop_o]), tuple(theirs[t:stop_t])))
        if stop_b < len(base):
            same = (base[stop_b],)
            yield Chunk(stop_o, same, same, same)
        b, o, t = stop_b + 1, stop_o + 1, stop_t + 1


def _tightened(chunk: Chunk[T]) -> Iterator[Chunk[T]]:
    """Yield a conflict without the lines that both sides added at its edges; anything else as it is."""
    if chunk.merged is not None or chunk.base:
        yield chunk
        return
    ours, theirs = chunk.ours, chunk.theirs
    head = _common(ours, theirs)
    tail = _common(ours[head:][::-1], theirs[head:][::-1])
    if head:
        yield Chunk(chunk.at, (), ours[:head], ours[:head])
    yield Chunk(chunk.at + head, (), ours[head : len(ours) - tail], theirs[head : len(theirs) - tail])
    if tail:
        yield Chunk(chunk.at + len(ours) - tail, (), ours[len(ours) - tail :], ours[len(ours) - tail :])


def _common(one: Sequence[T], other: Sequence[T]) -> int:
    size = 0
    while size < min(len(one), len(other)) and one[size] == other[size]:
        size += 1
    return size


def both(base: Sequence[T], ours: Sequence[T], theirs: Sequence[T]) -> list[T] | None:
    """Return the base with both sides' changes where no two of them meet in one element or one gap, else None."""
    marked = [(c.start, c.end, tuple(ours[c.side_start : c.side_end]), 0) for c in changes(base, ours)]
    marked += [(c.start, c.end, tuple(theirs[c.side_start : c.side_end]), 1) for c in changes(base, theirs)]
    merged: list[T] = []
    at = 0
    last: tuple[int, int, tuple[T, ...], int] | None = None
    for change in sorted(marked):
        start, end, new, _ = change
        if last is not None and last[:3] == change[:3]:
            continue
        if start < at or (last is not None and last[:2] == (start, end)):
            return None
        merged += [*base[at:start], *new]
        at, last = end, change
    return [*merged, *base[at:]]
