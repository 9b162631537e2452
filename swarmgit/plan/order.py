"""In which order entries stand in line, and which of them wait beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache

from msgspec.structs import replace

from swarmgit.model.ids import CommitId, ConvoyId, EntryId, TaskId
from swarmgit.model.queue import Entry, Gating
from swarmgit.model.reasons import reason
from swarmgit.plan import checkouts, patterns, verdicts
from swarmgit.plan.situation import Draft, Situation

AGE_STEP = timedelta(hours=1)
"""So long a wait counts as one level of priority: level = max(0, rank - whole steps waited), then the older first.

Nothing starves: after one step for each level an entry stands before everything that came later, except `urgent`.
"""

URGENT = -1
BLOCKED_RETRY_S = 1.0
SETTLED = frozenset({"landed", "reverted", "unchanged", "reported", "cancelled"})


def order(situation: Situation, draft: Draft) -> list[Entry]:
    """Return the entries that wait, first to land first; those that land together side by side."""
    open_entries = [entry for entry in draft.entries.values() if entry.state in {"queued", "gating"}]
    standing = [entry for entry in open_entries if entry.id not in draft.unreviewed and entry.id not in draft.apart]
    draft.stuck.update((entry.id, draft.apart[entry.id]) for entry in open_entries if entry.id in draft.apart)
    waiting = [entry for entry in standing if entry.id not in situation.observed.blocked]
    for entry in standing:
        if entry.id in situation.observed.blocked:
            wait_for_edit(situation, draft, entry)
    held = _held(situation, draft, waiting)
    line = [entry for entry in waiting if entry.id not in held]
    places = {entry.id: (level(situation, entry), entry.enqueued, entry.id) for entry in line}
    groups = together(situation, line)
    first = {entry.id: min(places[other] for other in groups.get(entry.id, {entry.id})) for entry in line}
    return sorted(line, key=lambda entry: (first[entry.id], places[entry.id]))


def wait_for_edit(situation: Situation, draft: Draft, entry: Entry) -> None:
    """Say which of a person's edits a landing waits for."""
    seen = situation.observed
    paths = seen.blocked[entry.id]
    way = checkouts.in_the_way(paths, seen.index_locks, situation.now)
    helps = checkouts.commands(paths, seen.index_locks)
    why = reason("edit", f"the landing waits: {way}")
    draft.stuck[entry.id] = replace(why, command=helps[0]) if helps else why
    draft.needs_person = True
    draft.wakes.append(BLOCKED_RETRY_S)


def level(situation: Situation, entry: Entry) -> int:
    """Return an entry's level: smaller goes first."""
    control = situation.observed.entry_controls.get(entry.id)
    if (control is not None and control.urgent) or verdicts.is_passed(situation, entry):
        return URGENT
    waited = max(timedelta(0), situation.now - entry.enqueued) // AGE_STEP
    return max(0, situation.rank(entry.task, entry.priority) - waited)


def together(situation: Situation, line: list[Entry]) -> dict[EntryId, frozenset[EntryId]]:
    """Return, for each entry of a convoy that holds on failure, all of the convoy in line (MERGE-QUEUE, Order)."""
    groups: dict[ConvoyId, set[EntryId]] = {}
    for entry in line:
        convoy = holding(situation, entry.task)
        if convoy is not None:
            groups.setdefault(convoy, set()).add(entry.id)
    return {entry: frozenset(group) for group in groups.values() if len(group) > 1 for entry in group}


def first_whole(line: list[Entry], size: int, groups: Mapping[EntryId, frozenset[EntryId]]) -> list[Entry]:
    """Return the first `size` in line, and all that land together with the last of them."""
    while 0 < size < len(line) and line[size].id in groups.get(line[size - 1].id, ()):
        size += 1
    return line[:size]


def near(situation: Situation, line: list[Entry]) -> dict[EntryId, frozenset[EntryId]]:
    """Return, for each entry, those in line whose tasks may change the same files: screened apart they say little.

    A task that is gone from the intent may have changed anything, so it is near to all.
    """
    reach = {entry.id: _reach(situation, entry.task) for entry in line}
    found: dict[EntryId, set[EntryId]] = {entry.id: set() for entry in line}
    for place, one in enumerate(line):
        for other in line[place + 1 :]:
            if _overlap(reach[one.id], reach[other.id]):
                found[one.id].add(other.id)
                found[other.id].add(one.id)
    return {entry: frozenset(others) for entry, others in found.items() if others}


def _reach(situation: Situation, task: TaskId) -> tuple[str, ...]:
    known = situation.desired.tasks.get(task)
    return (*known.scope.owns, *known.scope.shares) if known else ("**",)


@lru_cache(maxsize=1 << 14)
def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return any(patterns.meet(a, b) for a in one for b in other)


def gated_with(entries: Mapping[EntryId, Entry], target: CommitId | None) -> frozenset[EntryId]:
    """Return the waiting entries whose work is in a stack on the target that is being gated, not only the top ones."""
    members: set[EntryId] = set()
    for entry in entries.values():
        gating = entry.last(Gating)
        if entry.state == "gating" and gating is not None and gating.base == target:
            members.update(gating.stack)
    return frozenset(name for name in members if name in entries and entries[name].state in {"queued", "gating"})


def holding(situation: Situation, task: TaskId) -> ConvoyId | None:
    """Return the convoy of a task that holds on failure."""
    for convoy in situation.desired.convoys:
        if task in _members(situation, convoy):
            return convoy
    return None


def _members(situation: Situation, name: ConvoyId) -> tuple[TaskId, ...]:
    """Return who lands together; nobody where the convoy goes on after a failure."""
    convoy = situation.desired.convoys[name]
    if convoy.on_failure != "hold":
        return ()
    named = (task.id for task in situation.desired.tasks.values() if task.convoy == name)
    return tuple(dict.fromkeys((*convoy.tasks, *named)))


def _held(situation: Situation, draft: Draft, waiting: list[Entry]) -> set[EntryId]:
    """Return the entries whose convoy is not complete in line yet, and say so in the draft.

    Members that depend on others of the convoy cannot even start before those have landed: nobody waits for them.
    """
    present = {entry.task for entry in waiting}
    held: set[EntryId] = set()
    for entry in waiting:
        convoy = holding(situation, entry.task)
        if convoy is None:
            continue
        awaited = [t for t in _members(situation, convoy) if t not in present and not _is_settled(situation, t)]
        missing = [
            task
            for task in awaited
            if present.isdisjoint(_needs(situation, task)) and not _waits_too(situation, task, awaited)
        ]
        if missing:
            held.add(entry.id)
            text = f"convoy {convoy} lands together; it waits for {', '.join(missing[:5])}"
            draft.stuck[entry.id] = reason("convoy", text, convoy=convoy)
    return held


def _waits_too(situation: Situation, task: TaskId, awaited: list[TaskId]) -> bool:
    return not _needs(situation, task).isdisjoint(awaited)


def _needs(situation: Situation, task: TaskId) -> set[TaskId]:
    """Return all that a task depends on, at any distance."""
    found: set[TaskId] = set()
    todo = [task]
    while todo:  # each task at most once
        known = situation.desired.tasks.get(todo.pop())
        fresh = [need for need in (known.depends_on if known else ()) if need not in found]
        found.update(fresh)
        todo += fresh
    return found


def _is_settled(situation: Situation, task: TaskId) -> bool:
    if task in situation.observed.archived or task not in situation.desired.tasks:
        return True
    status = situation.observed.statuses.get(task)
    return status is not None and status.phase in SETTLED
