"""Work that will not land any more leaves the line, and is kept."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.actions import Save
from swarmgit.model.queue import WAITING, Entry, LedgerEvent
from swarmgit.model.status import TaskStatus
from swarmgit.plan import attempts
from swarmgit.plan.attempts import salvaged
from swarmgit.plan.landings import unpin
from swarmgit.plan.resolutions import keep_proposal
from swarmgit.plan.situation import Draft, Situation


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
    event = LedgerEvent(situation.now, "dropped", {"reason": why})
    keep_proposal(draft, entry)
    dropped = replace(entry, state="dropped", events=(*entry.events, event))
    draft.entries[entry.id] = dropped
    draft.add(Save(dropped), unpin(dropped))
