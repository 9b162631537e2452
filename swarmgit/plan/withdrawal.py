"""Work that will not land any more leaves the line, and is kept."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.queue import WAITING, Dropped, Entry
from swarmgit.model.status import TaskStatus
from swarmgit.plan import attempts
from swarmgit.plan.attempts import salvaged
from swarmgit.plan.landings import save, unpin, with_event
from swarmgit.plan.resolutions import keep_proposal
from swarmgit.plan.situation import Draft, Situation

WITHDRAWN = "the task was withdrawn"
BEGUN_AGAIN = "the task starts again"


def is_landing(draft: Draft, status: TaskStatus) -> bool:
    """Return whether the queue follows a landing of the task itself."""
    entry = draft.entries.get(status.entry) if status.entry else None
    return entry is not None and entry.state in {"landing", "landed"}


def let_go(situation: Situation, draft: Draft, status: TaskStatus) -> TaskStatus:
    """Return the status without an entry in the line; work that will not land is kept."""
    entry = draft.entries.get(status.entry) if status.entry else None
    if entry is not None and entry.state in WAITING:
        drop_entry(situation, draft, entry, "the target names its task already")
    return replace(give_up_last(draft, status), entry=None)


def give_up_last(draft: Draft, status: TaskStatus) -> TaskStatus:
    """Return the status with submitted work that will not land any more closed and kept."""
    last = status.last
    if last is None or last.outcome not in {"submitted", "no-change"}:
        return status
    closed = replace(last, outcome="cancelled")
    return attempts.with_last(status, salvaged(draft, status.task, closed) if last.outcome == "submitted" else closed)


def drop_entry(situation: Situation, draft: Draft, entry: Entry, why: str) -> None:
    """Take an entry out of the line; what was proposed for it is kept."""
    keep_proposal(draft, entry)
    save(draft, with_event(entry, Dropped(at=situation.now, reason=why), state="dropped"))
    draft.add(unpin(entry))


def drop_landed(situation: Situation, draft: Draft) -> None:
    """Take entries out of the line whose task the target names already: nothing lands twice."""
    for entry in tuple(draft.entries.values()):
        found = situation.observed.landings.get(entry.task)
        if entry.state in WAITING and found is not None and found.run >= entry.run:
            reason = f"commit {found.commit[:10]} of the target names its task already"
            drop_entry(situation, draft, entry, reason)


def drop_unwanted(situation: Situation, draft: Draft) -> None:
    """Take out of the line what people do not want, before anything is chosen to land."""
    for entry in tuple(draft.entries.values()):
        why = _of_task(situation, entry) if entry.state in WAITING and entry.task not in draft.held else None
        if why is not None:
            drop_entry(situation, draft, entry, why)
    _drop_entries(situation, draft)


def _of_task(situation: Situation, entry: Entry) -> str | None:
    """Return why an entry's task has no use for it any more; None where it has."""
    control, status = situation.control(entry.task), situation.observed.statuses.get(entry.task)
    if status is None or status.entry != entry.id:
        return None
    desired = situation.desired
    if control.cancelled or (entry.task not in desired.tasks and entry.task not in desired.held):
        return WITHDRAWN
    return BEGUN_AGAIN if control.restart and control.restart != status.restart else None


def _drop_entries(situation: Situation, draft: Draft) -> None:
    """Drop the entries that a person named; also what is about to land, as long as it has not landed anywhere."""
    remote = situation.observed.remote
    open_states = WAITING if remote is not None and remote.relation == "ahead" else WAITING | {"landing"}
    for name, control in situation.observed.entry_controls.items():
        entry = draft.entries.get(name)
        if control.dropped and entry is not None and entry.state in open_states:
            reason = f"dropped by {control.by or 'a person'}" + (f": {control.reason}" if control.reason else "")
            drop_entry(situation, draft, entry, reason)
