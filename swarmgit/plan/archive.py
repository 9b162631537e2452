"""Finished things leave the hot folders: after `retention_days`, or earlier when there are too many of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from swarmgit.model.desired import ConvoyBudget
from swarmgit.model.ids import TaskId
from swarmgit.model.mail import DEAD, RESERVED, Letter, Mail, sent_at_ms
from swarmgit.model.status import FINISHED, TaskStatus
from swarmgit.plan import mail
from swarmgit.plan.comms import Roster
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.wallets import members
from swarmgit.state import kinds
from swarmgit.state.kinds import archived

HOT_MAX = 200
"""Finished files kept in a hot folder at most (DESIGN §2: at most about 250 files a folder)."""

STEP = 50
"""Moved at once when a folder is too full, so that not every landing moves something."""


MAIL_KEPT = timedelta(hours=1)
"""A message stays in its mailbox so long, because rules count by the hour, unless there are more than `FULL_MAX`."""

FULL_MAX = 1000
PUT_AWAY = "put away unread:"
LISTED_MAX = 20


def move(situation: Situation, draft: Draft) -> None:
    """Write the moves of this tick into the draft."""
    old = situation.now - timedelta(days=situation.swarm.retention_days)
    statuses = situation.observed.statuses.values()
    tasks = sorted(
        (s for s in statuses if s.phase in FINISHED and s.finished and not _is_held_back(situation, s)),
        key=lambda s: (s.finished, s.task),
    )
    counted = _counted(situation)
    for position, status in enumerate(tasks):
        assert status.finished is not None
        if status.task in counted:
            continue
        if status.finished < old or position < _excess(len(tasks)):
            draft.add(archived(kinds.TASKS, status, status.finished))
    closed = sorted(
        (e for e in situation.observed.entries.values() if e.state in {"landed", "rejected", "dropped"}),
        key=lambda e: (e.enqueued, e.id),
    )
    for position, entry in enumerate(closed):
        if entry.enqueued < old or position < _excess(len(closed)):
            draft.add(archived(kinds.ENTRIES, entry, entry.enqueued))
            if entry.id in situation.observed.verdicts:
                draft.add(archived(kinds.VERDICTS, situation.observed.verdicts[entry.id], entry.enqueued))
    for incident in situation.observed.incidents.values():
        if incident.closed is not None and incident.closed < old and incident.id not in draft.incidents:
            draft.add(archived(kinds.INCIDENTS, incident, incident.opened))
    _move_mail(situation, draft, old)


def _is_held_back(situation: Situation, status: TaskStatus) -> bool:
    """Return whether a task is cancelled, but still asked for by a file: without its status it would be a new task."""
    intent = situation.desired
    return status.phase == "cancelled" and (status.task in intent.tasks or status.task in intent.held)


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
            found = box.get(id_) if (is_old or excess > 0) and id_ not in draft.mail else None
            may_go = found is not None and (found.read_at is not None or bool(found.refused))
            if found is not None and may_go and (is_old or sent_at_ms(id_) < young_ms or len(ids) > FULL_MAX):
                draft.add(archived(kinds.MAIL, found, found.created))
                excess -= 1
        for unread in _unread(situation, draft, name):
            draft.add(archived(kinds.MAIL, unread, unread.created))


def tell_of_unread(situation: Situation, draft: Draft) -> None:
    """Write to each recipient which of its unread messages are put away in this tick: the next prompt shows it."""
    for name in situation.observed.mail:
        moved = [m for m in _unread(situation, draft, name) if not m.subject.startswith(PUT_AWAY)]
        if moved and _is_known(situation, name):
            lines = [f"- {m.id} {m.type} from {m.sender}: {m.subject}" for m in moved[-LISTED_MAX:]]
            left = [f"and {len(moved) - LISTED_MAX} older ones"] if len(moved) > LISTED_MAX else []
            body = "\n".join(["They were not read. A person shows one with: swarmgit mail read ID", *lines, *left, ""])
            letter = Letter((name,), f"{PUT_AWAY} {len(moved)} messages", body)
            mail.from_swarmgit(situation, draft, letter, f"put-away/{moved[0].id}")


def _unread(situation: Situation, draft: Draft, name: str) -> list[Mail]:
    """Return the unread messages that leave a mailbox: the oldest of too many, and the old ones of nobody known.

    Not while the agent is at work, because they are in its inbox.
    """
    box = situation.observed.mail[name]
    old_ms = (situation.now - timedelta(days=situation.swarm.retention_days)).timestamp() * 1000
    young_ms = (situation.now - MAIL_KEPT).timestamp() * 1000
    is_full, has_old = len(box) > HOT_MAX, sent_at_ms(next(iter(box), "")) < old_ms
    is_nobodys = has_old and not _is_known(situation, name)
    if name == DEAD or not (is_full or is_nobodys) or _is_at_work(situation, name):
        return []
    limit_ms = max(old_ms, young_ms) if is_full else old_ms
    ids = [id_ for id_ in sorted(box) if sent_at_ms(id_) < limit_ms and id_ not in draft.mail]
    unread = [m for id_ in ids if (m := box.get(id_)) is not None and m.read_at is None and not m.refused]
    excess = _excess(len(unread))
    return [m for place, m in enumerate(unread) if place < excess or (is_nobodys and sent_at_ms(m.id) < old_ms)]


def _is_known(situation: Situation, name: str) -> bool:
    return name in RESERVED or Roster.of(situation.desired, situation.observed).knows(name)


def _is_at_work(situation: Situation, name: str) -> bool:
    sessions = situation.observed.sessions.values()
    return any(s.spec.agent == name and s.spec.kind == "agent" and not s.is_over for s in sessions)


def _excess(count: int) -> int:
    return count - HOT_MAX + STEP if count > HOT_MAX else 0
