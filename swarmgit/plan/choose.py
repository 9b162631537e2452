"""Which trees to gate, what lands and who is to blame: a pure function of the line and of what gates have said.

A *stack* is entries merged one on the other on a commit that was landed once. A stack on the present target is exact:
when it is green it lands. Any other stack only informs. Rules 1 to 4 are those of MERGE-QUEUE, "Which trees to gate".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, log2

from swarmgit.model.ids import CommitId, EntryId
from swarmgit.plan.choices import Ask, Blame, Choice, Known, Line, Search, Stack

EXACT_SLOTS_MAX = 3
EXACT_BAD_MAX = 2.0
"""Up to so many slots, or expected bad entries in line, every run is of a tree that may land (rule 2)."""


def choose(line: Line) -> Choice:
    """Return what lands now, or else whom to blame and which trees to gate next in the free slots."""
    if line.is_target_red:
        return Choice(needed=tuple(k for k in line.known if k.is_running))
    land = _landing(line)
    if land:
        return Choice(land=land, needed=tuple(k for k in line.known if k.is_running))
    searches = find_searches(line)
    blames = tuple(
        Blame(s.suspects[0], s.red.base, s.green, s.red.reds)
        for s in searches
        if len(s.suspects) == 1 and s.red.reds > line.retries and not s.red.is_running
    )
    if blames:
        gone = {blame.entry for blame in blames}
        return Choice(evict=blames, needed=_needed(line, gone))
    needed = _needed(line, set())
    asks = _exact_only(line, searches, needed) if is_exact_only(line) else _with_screens(line, searches, needed)
    return Choice(gate=tuple(asks[: max(0, line.slots_free)]), needed=needed)


def is_exact_only(line: Line) -> bool:
    """Return whether rule 1 or 2 holds: few slots, or so few bad entries expected that screening does not pay."""
    expected = sum(line.chance(entry) for entry in line.entries)
    return line.slots <= EXACT_SLOTS_MAX or expected <= EXACT_BAD_MAX


# --- what lands -------------------------------------------------------------------------------------------------------


def _landing(line: Line) -> Stack:
    """Return the longest green exact stack, unless a longer exact run would be thrown away by it (I4)."""
    waiting = set(line.entries)
    exact = [k for k in line.known if k.base == line.target and waiting.issuperset(k.stack) and line.is_whole(k.stack)]
    green = max((k.stack for k in exact if k.is_green), key=len, default=())
    spoiled = (k for k in exact if k.is_running and not k.is_green and not _starts(k.stack, green))
    return () if any(len(k.stack) > len(green) for k in spoiled) else green


def _starts(stack: Stack, prefix: Stack) -> bool:
    return stack[: len(prefix)] == prefix


# --- what is red ------------------------------------------------------------------------------------------------------


def find_searches(line: Line) -> list[Search]:
    """Return the red stacks that are not explained by a shorter one, first in line first; no entry is in two."""
    waiting = {entry: place for place, entry in enumerate(line.entries)}
    greens = _greens(line.known)
    found = [Search(k, _green_prefix(greens, k)) for k in line.known if k.is_red and not _is_overturned(line.known, k)]
    open_ones = [s for s in found if all(entry in waiting for entry in s.suspects)]
    open_ones.sort(key=lambda s: (len(s.suspects), s.red.base != line.target, waiting[s.suspects[0]]))
    claimed: set[EntryId] = set()
    chosen: list[Search] = []
    for search in open_ones:
        if claimed.isdisjoint(search.suspects):
            claimed.update(search.suspects)
            chosen.append(search)
    return sorted(chosen, key=lambda s: waiting[s.suspects[0]])


def _greens(known: Iterable[Known]) -> set[tuple[CommitId, Stack]]:
    return {(k.base, k.stack) for k in known if k.is_green}


def _green_prefix(greens: set[tuple[CommitId, Stack]], of: Known) -> Stack:
    """Return the longest green proper prefix; the empty one is the base, which was gated when it landed."""
    for size in range(len(of.stack) - 1, 0, -1):
        if (of.base, of.stack[:size]) in greens:
            return of.stack[:size]
    return ()


def _is_overturned(known: Iterable[Known], red: Known) -> bool:
    """Return whether a longer stack with the same beginning is green: then the red run lied."""
    return any(k.is_green and k.base == red.base and _starts(k.stack, red.stack) for k in known)


def _needed(line: Line, gone: set[EntryId]) -> tuple[Known, ...]:
    """Return the runs under way whose answer still says something about entries that wait."""
    waiting = set(line.entries) - gone
    greens = _greens(line.known)
    return tuple(k for k in line.known if k.is_running and waiting.issuperset(k.stack[len(_green_prefix(greens, k)) :]))


def _next_in(line: Line, search: Search, cuts: int) -> list[Ask]:
    """Return the runs that bring a search on: the same tree again where that decides, else cuts inside (rule 4)."""
    red, count = search.red, len(search.suspects)
    if red.is_running:
        return []
    again = [Ask(red.base, red.stack, "rerun")] if red.reds <= line.retries else []
    if count == 1:
        return again
    if again and _is_likely_flake(line, search.suspects):
        return again
    chances = [line.chance(entry) for entry in search.suspects]
    sizes = quantiles(chances, cuts, is_one_bad=True)
    return [Ask(red.base, red.stack[: len(search.green) + size], "search") for size in sizes]


def _is_likely_flake(line: Line, suspects: Stack) -> bool:
    """Return whether running the same tree again costs less than the search that a lie would set off."""
    clean = 1.0
    for entry in suspects:
        clean *= 1.0 - line.chance(entry)
    lie = line.rates.flaky * clean
    return lie / (lie + 1.0 - clean) * (ceil(log2(len(suspects))) + 1) > 1.0


def quantiles(chances: Sequence[float], cuts: int, *, is_one_bad: bool) -> list[int]:
    """Return up to `cuts` stack sizes, at the quantiles of the position of the first bad entry, smallest first.

    Where most likely none is bad, one of the cuts is the whole, and the others lie where they help if it is red.
    `is_one_bad`: the whole is known to hold a bad one; then it is not among the sizes.
    """
    reached = [0.0]
    clean = 1.0
    for chance in chances:
        clean *= 1.0 - chance
        reached.append(1.0 - clean)
    last = len(chances) - 1 if is_one_bad else len(chances)
    is_short = not is_one_bad and reached[-1] < cuts / (cuts + 1)
    scale = reached[-1] * (cuts + 1) / cuts if is_short else reached[-1] if is_one_bad else 1.0
    sizes: set[int] = set()
    place = min(1, last)
    for number in range(1, cuts + 1):
        wanted = scale * number / (cuts + 1)
        while place < last and abs(reached[place + 1] - wanted) <= abs(reached[place] - wanted):
            place += 1
        sizes.add(min(place, last))
    return sorted(size for size in sizes if size > 0)


# --- which trees to gate ----------------------------------------------------------------------------------------------


def _exact_only(line: Line, searches: list[Search], needed: tuple[Known, ...]) -> list[Ask]:
    """Rules 1 and 2: searches first, then prefixes of the line without the suspects."""
    asks: list[Ask] = []
    busy = {(k.base, k.stack) for k in needed}
    for search in searches:
        if not _has_cut_running(search, needed):
            cuts = line.slots_free - len(asks)
            asks += _next_in(line, search, cuts) if cuts > 0 else []
    suspects = {entry for search in searches for entry in search.suspects}
    free = _cut_whole(line, line.without(suspects), line.batch_max)
    begun = max((len(s) for b, s in busy if b == line.target and _starts(free, s)), default=0)
    left = line.slots_free - len(asks)
    if left > 0 and len(free) > begun:
        sizes = quantiles([line.chance(entry) for entry in free[begun:]], left, is_one_bad=False)
        stacks = {_cut_whole(line, free, begun + size) for size in sizes}
        asks += [Ask(line.target, stack, "exact") for stack in sorted(stacks, key=len, reverse=True)]
    return asks


def _cut_whole(line: Line, stack: Stack, size: int) -> Stack:
    """Return the first `size` entries, and those that land together with the last of them."""
    while 0 < size < len(stack) and stack[size] in line.together.get(stack[size - 1], ()):
        size += 1
    return stack[:size]


def _has_cut_running(search: Search, needed: tuple[Known, ...]) -> bool:
    inside = (k for k in needed if k.base == search.red.base and _starts(search.red.stack, k.stack))
    return any(len(k.stack) > len(search.green) for k in inside)


def _with_screens(line: Line, searches: list[Search], needed: tuple[Known, ...]) -> list[Ask]:
    """Rule 3: one exact run of all that screening cleared, a step in each search, new groups in what is left."""
    suspects = {entry for search in searches for entry in search.suspects}
    good = {entry for k in line.known if k.is_green for entry in k.stack}
    blocked = suspects | {entry for entry in line.entries if entry not in good}
    cleared = _cut_whole(line, line.without(blocked), line.batch_max)
    is_under_way = any(k.base == line.target and k.stack and good.issuperset(k.stack) for k in needed)
    asks: list[Ask] = []
    if cleared and not is_under_way:
        asks.append(Ask(line.target, cleared, "exact"))
    for search in searches:
        if not _has_cut_running(search, needed):
            asks += _next_in(line, search, 1)
    busy = {entry for k in needed for entry in k.stack}
    pool = [e for e in line.entries if e not in good and e not in suspects and e not in busy]
    return asks + _groups(line, pool, busy | suspects, line.slots_free - len(asks))


def _groups(line: Line, pool: list[EntryId], taken: set[EntryId], count: int) -> list[Ask]:
    """Return new groups to screen on the target. Entries with overlapping scopes share a group, or wait."""
    asks: list[Ask] = []
    left = pool
    for _ in range(max(0, count)):
        group: list[EntryId] = []
        rest: list[EntryId] = []
        clean = 1.0
        others = taken | {entry for ask in asks for entry in ask.stack}
        for entry in left:
            keeps = 1.0 - line.chance(entry)
            is_full = len(group) >= line.batch_max or (group and abs(clean * keeps - 0.5) > abs(clean - 0.5))
            if is_full or not others.isdisjoint(line.near.get(entry, frozenset())):
                rest.append(entry)
                continue
            group.append(entry)
            clean *= keeps
        if not group:
            break
        asks.append(Ask(line.target, tuple(group), "screen"))
        left = rest
    return asks
