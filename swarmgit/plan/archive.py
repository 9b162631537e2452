"""Finished things leave the hot folders: after `retention_days`, or earlier when there are too many of them."""

from __future__ import annotations

from datetime import timedelta

from swarmgit.documents import paths
from swarmgit.model.actions import Archive
from swarmgit.model.status import FINISHED
from swarmgit.plan.situation import Draft, Situation

HOT_MAX = 200
"""Finished files kept in a hot folder at most (DESIGN §2: at most about 250 files a folder)."""

STEP = 50
"""Moved at once when a folder is too full, so that not every landing moves something."""


def move(situation: Situation, draft: Draft) -> None:
    """Write the moves of this tick into the draft."""
    old = situation.now - timedelta(days=situation.swarm.retention_days)
    tasks = sorted(
        (s for s in situation.observed.statuses.values() if s.phase in FINISHED and s.finished),
        key=lambda s: (s.finished, s.task),
    )
    for position, status in enumerate(tasks):
        assert status.finished is not None
        if status.finished < old or position < _excess(len(tasks)):
            is_cancelled = status.phase == "cancelled"
            to = (paths.archived_cancelled if is_cancelled else paths.state_archive)(status.task, status.finished)
            draft.add(Archive(paths.state_task(status.task), to))
    closed = sorted(
        (e for e in situation.observed.entries.values() if e.state in {"landed", "rejected", "dropped"}),
        key=lambda e: (e.enqueued, e.id),
    )
    for position, entry in enumerate(closed):
        if entry.enqueued < old or position < _excess(len(closed)):
            draft.add(
                Archive(paths.state_entry(entry.id, entry.enqueued), paths.archived_entry(entry.id, entry.enqueued))
            )


def _excess(count: int) -> int:
    return count - HOT_MAX + STEP if count > HOT_MAX else 0
