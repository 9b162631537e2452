"""The JSON shapes of the merge queue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from swarmgit.app.names import find
from swarmgit.app.views.problems import problem_rows
from swarmgit.app.views.tasks import result_row
from swarmgit.app.views.times import stamp
from swarmgit.model.checkouts import HUNG_FILTER
from swarmgit.model.desired import PRIORITY_RANK
from swarmgit.model.ids import EntryId
from swarmgit.model.queue import WAITING, Entry
from swarmgit.model.renames import other_names
from swarmgit.plan import full_runs
from swarmgit.plan.checkouts import in_the_way
from swarmgit.plan.order import gated_with
from swarmgit.plan.priorities import Raised, raised
from swarmgit.plan.pushes import standing
from swarmgit.plan.rates import TierFigures, by_tier
from swarmgit.state.text import facts

if TYPE_CHECKING:
    from swarmgit.app.look import Look

ACTIVE = WAITING | {"landing"}


def in_order(look: Look) -> list[Entry]:
    """Return active entries by priority and age, then finished ones, newest first."""
    both = sorted(look.observed.entries.values(), key=lambda entry: entry.id)
    active = [entry for entry in both if entry.state in ACTIVE]
    higher = raised(look.desired)

    def place(entry: Entry) -> tuple[bool, int, datetime]:
        priority = higher[entry.task].priority if entry.task in higher else entry.priority
        return entry.state != "landing", PRIORITY_RANK.get(priority, 9), entry.enqueued

    active.sort(key=place)
    return active + [entry for entry in reversed(both) if entry.state not in ACTIVE]


def push_row(look: Look) -> dict[str, Any] | None:
    """Return how the target stands to the remote that it is pushed to; None where nothing is pushed."""
    found = standing(look.desired.swarm, look.observed) if look.desired.swarm else None
    if found is None:
        return None
    return {
        "remote": found.remote,
        "branch": found.branch,
        "state": found.state,
        "unpushed": found.unpushed,
        "text": found.text,
    }


def entry_rows(look: Look, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return entries in few words."""
    gated = gated_with(look.observed.entries, look.observed.target_head)
    higher = raised(look.desired)
    return [_entry_row(entry, gated, higher.get(entry.task)) for entry in entries]


def _entry_row(entry: Entry, gated: frozenset[EntryId], higher: Raised | None) -> dict[str, Any]:
    """`gated`: entries that are gated as a part of some stack, under it or on top."""
    return {
        "id": entry.id,
        "task": entry.task,
        "state": "gating" if entry.id in gated else entry.state,
        "tier": entry.tier,
        "agent": entry.agent,
        "session": entry.session,
        "attempt": entry.attempt,
        "priority": higher.priority if higher else entry.priority,
        "priority_from": higher.convoy if higher else None,
        "enqueued": stamp(entry.enqueued),
        "landed_commit": entry.landed_commit,
    }


def queue_rows(look: Look) -> list[dict[str, Any]]:
    """Return the active entries, first to land first."""
    return entry_rows(look, (entry for entry in in_order(look) if entry.state in ACTIVE))


def queue_document(look: Look, *, is_all: bool) -> dict[str, Any]:
    """Return `queue list --json`; `blocked` says for which edited files a landing waits, `paused` who holds all."""
    entries = [entry for entry in in_order(look) if is_all or entry.state in ACTIVE]
    rows = zip(entry_rows(look, entries), entries, strict=True)
    brake = look.observed.queue_control
    return {
        "version": 1,
        "paused": {"by": brake.by, "reason": brake.reason} if brake.paused else None,
        "push": push_row(look),
        "problems": problem_rows(full_runs.problems(look.desired, look.observed)),
        "tiers": [tier_row(figures) for figures in by_tier(look.observed.entries.values())],
        "queue": [{**row, **_waits(look, entry)} for row, entry in rows],
    }


def _waits(look: Look, entry: Entry) -> dict[str, Any]:
    paths = look.observed.blocked.get(entry.id, ())
    why = in_the_way(paths, look.observed.index_locks, look.now) if paths else ""
    return {"blocked": [path for path in paths if path != HUNG_FILTER], "waits": why}


def tier_row(figures: TierFigures) -> dict[str, Any]:
    return {
        "tier": figures.tier,
        "entries": figures.entries,
        "landed": figures.landed,
        "rejected": figures.rejected,
        "success": figures.success,
    }


def entry_document(look: Look, name: str) -> dict[str, Any]:
    """Return `queue show --json` for an entry named by its id, the start of it, or its task (then the newest)."""
    entries = look.observed.entries
    names = other_names(look.observed.statuses, name)
    of_task = [entry.id for entry in entries.values() if entry.task in names]
    entry = entries[max(of_task) if of_task else find(name, entries, "entry")]
    candidate = entry.candidate
    return {
        "version": 1,
        **entry_rows(look, [entry])[0],
        "head": entry.head,
        "base": entry.base,
        "model": entry.model,
        "candidate": {"base": candidate.base, "commit": candidate.commit, "code_tree": candidate.code_tree}
        if candidate
        else None,
        **_waits(look, entry),
        "evidence": [result_row(result) for result in entry.evidence],
        "events": [{"at": stamp(event.at), "kind": event.kind, "data": facts(event)} for event in entry.events],
    }
