"""A rejected entry that a person wants tried again exactly as it is, instead of work anew."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.desired import Task
from swarmgit.model.queue import Entry, Rejected, Revived
from swarmgit.model.status import TaskStatus
from swarmgit.plan import attempts
from swarmgit.plan.landings import save, with_event
from swarmgit.plan.situation import Draft, Situation

REVIVALS_MAX = 3
RETURNED = frozenset({"rejected", "conflict"})


def objection(task: Task | None, status: TaskStatus | None, entry: Entry) -> str:
    """Return why a rejected entry cannot be tried again as it is, '' when it can."""
    last = status.last if status else None
    if task is None or status is None or last is None:
        return f"task {entry.task} is not asked for any more"
    if last.session != entry.session or last.number < status.window:
        return f"task {entry.task} has gone on since: its last attempt is {last.session}"
    if last.outcome not in RETURNED or status.phase in {"landed", "reverted", "cancelled", "unchanged", "reported"}:
        return f"task {entry.task} is {status.phase}; only work that was sent back and waits can be tried again"
    if last.generation != task.generation:
        return f"the file of task {entry.task} has changed since this work was made"
    if len(entry.every(Revived)) >= REVIVALS_MAX:
        return f"it was tried again {REVIVALS_MAX} times already"
    return ""


def revive(situation: Situation, draft: Draft, task: Task, status: TaskStatus) -> TaskStatus | None:
    """Return the status of a task whose rejected entry stands in line again, None where nobody asked for that."""
    last = status.last
    entry = next((e for e in draft.entries.values() if last is not None and e.session == last.session), None)
    control = situation.observed.entry_controls.get(entry.id) if entry is not None else None
    if last is None or entry is None or entry.state != "rejected" or control is None or control.retry is None:
        return None
    rejected = entry.last(Rejected)
    if rejected is None or control.retry <= rejected.at or objection(task, status, entry):
        return None
    entry = replace(entry, task=task.id)  # it may be called otherwise now
    revived = Revived(at=situation.now, by=control.by)
    save(draft, with_event(entry, revived, state="queued", candidate=None, evidence=()))
    again = attempts.with_last(status, replace(last, outcome="submitted", reason="", rejection=None))
    reason = f"in the merge queue again, as {control.by or 'a person'} asked"
    return replace(again, entry=entry.id, phase="queued", reason=reason, waiting_for=())
