"""In which order entries stand in line, and which of them wait beside it."""

from __future__ import annotations

from datetime import timedelta

from swarmgit.model.desired import PRIORITY_RANK
from swarmgit.model.ids import ConvoyId, EntryId, TaskId
from swarmgit.model.status import Entry
from swarmgit.plan.situation import Draft, Situation

AGE_STEP = timedelta(hours=1)
"""So long a wait counts as one level of priority: level = max(0, rank − whole steps waited), then the older first.

Nothing starves: after `PRIORITY_RANK[low]` steps an entry stands before everything that came later, except `urgent`.
"""

URGENT = -1
SETTLED = frozenset({"landed", "unchanged", "reported", "cancelled"})


def order(situation: Situation, draft: Draft) -> list[Entry]:
    """Return the entries that wait, first to land first; those that land together side by side."""
    waiting = [entry for entry in draft.entries.values() if entry.state in {"queued", "gating"}]
    held = _held(situation, draft, waiting)
    line = [entry for entry in waiting if entry.id not in held]
    places = {entry.id: (level(situation, entry), entry.enqueued, entry.id) for entry in line}
    groups = together(situation, line)
    first = {entry.id: min(places[other] for other in groups.get(entry.id, {entry.id})) for entry in line}
    return sorted(line, key=lambda entry: (first[entry.id], places[entry.id]))


def level(situation: Situation, entry: Entry) -> int:
    """Return an entry's level: smaller goes first."""
    control = situation.observed.entry_controls.get(entry.id)
    if control is not None and control.urgent:
        return URGENT
    waited = max(timedelta(0), situation.now - entry.enqueued) // AGE_STEP
    return max(0, PRIORITY_RANK.get(entry.priority, 2) - waited)


def together(situation: Situation, line: list[Entry]) -> dict[EntryId, frozenset[EntryId]]:
    """Return, for each entry of a convoy that holds on failure, all of the convoy in line (MERGE-QUEUE, Order)."""
    groups: dict[ConvoyId, set[EntryId]] = {}
    for entry in line:
        convoy = _holding(situation, entry.task)
        if convoy is not None:
            groups.setdefault(convoy, set()).add(entry.id)
    return {entry: frozenset(group) for group in groups.values() if len(group) > 1 for entry in group}


def _holding(situation: Situation, task: TaskId) -> ConvoyId | None:
    for convoy in situation.desired.convoys.values():
        if convoy.on_failure == "hold" and task in convoy.tasks:
            return convoy.id
    return None


def _held(situation: Situation, draft: Draft, waiting: list[Entry]) -> set[EntryId]:
    """Return the entries whose convoy is not complete in line yet, and say so in the draft."""
    present = {entry.task for entry in waiting}
    held: set[EntryId] = set()
    for entry in waiting:
        convoy = _holding(situation, entry.task)
        if convoy is None:
            continue
        missing = [
            task
            for task in situation.desired.convoys[convoy].tasks
            if task not in present and not _is_settled(situation, task)
        ]
        if missing:
            held.add(entry.id)
            draft.stuck[entry.id] = f"convoy {convoy} lands together; it waits for {', '.join(missing[:5])}"
    return held


def _is_settled(situation: Situation, task: TaskId) -> bool:
    if task in situation.observed.archived or task not in situation.desired.tasks:
        return True
    status = situation.observed.statuses.get(task)
    return status is not None and status.phase in SETTLED
