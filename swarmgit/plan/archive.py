"""Finished things leave the hot folders: after `retention_days`, or earlier when there are too many of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from swarmgit.documents import paths
from swarmgit.model.actions import Archive
from swarmgit.model.desired import ConvoyBudget
from swarmgit.model.ids import TaskId
from swarmgit.model.mail import sent_at_ms
from swarmgit.model.status import FINISHED
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.wallets import members

HOT_MAX = 200
"""Finished files kept in a hot folder at most (DESIGN §2: at most about 250 files a folder)."""

STEP = 50
"""Moved at once when a folder is too full, so that not every landing moves something."""


MAIL_KEPT = timedelta(hours=1)
"""A message stays in its mailbox so long, because rules count by the hour, unless there are more than `FULL_MAX`."""

FULL_MAX = 1000


def move(situation: Situation, draft: Draft) -> None:
    """Write the moves of this tick into the draft."""
    old = situation.now - timedelta(days=situation.swarm.retention_days)
    tasks = sorted(
        (s for s in situation.observed.statuses.values() if s.phase in FINISHED and s.finished),
        key=lambda s: (s.finished, s.task),
    )
    counted = _counted(situation)
    for position, status in enumerate(tasks):
        assert status.finished is not None
        if status.task in counted:
            continue
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
    for incident in situation.observed.incidents.values():
        if incident.closed is not None and incident.closed < old and incident.id not in draft.incidents:
            draft.add(Archive(paths.state_incident(incident.id), paths.archived_incident(incident.id, incident.opened)))
    _move_mail(situation, draft, old)


def _counted(situation: Situation) -> frozenset[TaskId]:
    """Return the members of open convoys with a budget: what they have used still counts against it."""
    convoys, known = situation.desired.convoys, situation.observed.convoys
    limited = {name for name, convoy in convoys.items() if convoy.budget != ConvoyBudget()}
    is_open = {name for name in limited if name not in known or known[name].closed is None}
    return frozenset(task for name, tasks in members(situation.desired).items() if name in is_open for task in tasks)


def _move_mail(situation: Situation, draft: Draft, old: datetime) -> None:
    """Move what was read (dead letters count as read). A mailbox's names alone say whether there is anything to do."""
    old_ms, young_ms = old.timestamp() * 1000, (situation.now - MAIL_KEPT).timestamp() * 1000
    for name, box in situation.observed.mail.items():
        excess = _excess(len(box))
        first = next(iter(box), "")  # a folder's names are sorted: nothing is older
        if not excess and sent_at_ms(first) >= old_ms:
            continue
        ids = sorted(box)
        for id_ in ids:
            is_old = sent_at_ms(id_) < old_ms
            mail = box.get(id_) if (is_old or excess > 0) and id_ not in draft.mail else None
            may_go = mail is not None and (mail.read_at is not None or bool(mail.refused))
            if mail is not None and may_go and (is_old or sent_at_ms(id_) < young_ms or len(ids) > FULL_MAX):
                draft.add(Archive(paths.state_mail(name, id_), paths.archived_mail(name, id_, mail.created)))
                excess -= 1


def _excess(count: int) -> int:
    return count - HOT_MAX + STEP if count > HOT_MAX else 0
