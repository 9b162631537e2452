"""The JSON shapes of the merge queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swarmgit.app.names import find
from swarmgit.app.views.tasks import result_row
from swarmgit.app.views.times import stamp
from swarmgit.model.desired import PRIORITY_RANK
from swarmgit.model.status import WAITING, Entry

if TYPE_CHECKING:
    from swarmgit.app.look import Look

ACTIVE = WAITING | {"landing"}


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return active entries by priority and age, then finished ones, newest first."""
    both = sorted(entries, key=lambda entry: entry.id)
    active = [entry for entry in both if entry.state in ACTIVE]
    active.sort(key=lambda entry: (entry.state != "landing", PRIORITY_RANK.get(entry.priority, 9), entry.enqueued))
    return active + [entry for entry in reversed(both) if entry.state not in ACTIVE]


def entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "task": entry.task,
        "state": entry.state,
        "tier": entry.tier,
        "agent": entry.agent,
        "session": entry.session,
        "attempt": entry.attempt,
        "priority": entry.priority,
        "enqueued": stamp(entry.enqueued),
        "landed_commit": entry.landed_commit,
    }


def queue_document(look: Look, *, is_all: bool) -> dict[str, Any]:
    """Return `queue list --json`; `blocked` says for which edited files a landing waits, `paused` who holds all."""
    entries = [entry for entry in in_order(look.observed.entries.values()) if is_all or entry.state in ACTIVE]
    blocked, brake = look.observed.blocked, look.observed.queue_control
    return {
        "version": 1,
        "paused": {"by": brake.by, "reason": brake.reason} if brake.paused else None,
        "queue": [{**entry_row(entry), "blocked": list(blocked.get(entry.id, ()))} for entry in entries],
    }


def entry_document(look: Look, name: str) -> dict[str, Any]:
    """Return `queue show --json` for an entry named by its id, the start of it, or its task (then the newest)."""
    entries = look.observed.entries
    of_task = [entry.id for entry in entries.values() if entry.task == name]
    entry = entries[max(of_task) if of_task else find(name, entries, "entry")]
    candidate = entry.candidate
    return {
        "version": 1,
        **entry_row(entry),
        "head": entry.head,
        "base": entry.base,
        "model": entry.model,
        "candidate": {"base": candidate.base, "commit": candidate.commit, "code_tree": candidate.code_tree}
        if candidate
        else None,
        "blocked": list(look.observed.blocked.get(entry.id, ())),
        "evidence": [result_row(result) for result in entry.evidence],
        "events": [{"at": stamp(event.at), "kind": event.kind, "data": dict(event.data)} for event in entry.events],
    }
