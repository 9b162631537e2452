"""Stamping: what a message is once swarmgit has taken it in, and whether it was taken in before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from swarmgit.model.endings import KILLED
from swarmgit.model.ids import MailId
from swarmgit.model.mail import DEAD, Letter, Mail, mail_id, origin_in, sent_at_ms
from swarmgit.model.sessions import ProgramSession, Session
from swarmgit.plan.situation import Draft, Situation

NO_MAIL: Mapping[MailId, Mail] = {}


class Stamp(Struct, frozen=True):
    sender: str
    to: str
    origin: str
    group: str = ""
    session: Session | None = None
    refused: str = ""


def box(situation: Situation, name: str) -> Mapping[MailId, Mail]:
    """Return a mailbox as it is recorded."""
    return situation.observed.mail.get(name, NO_MAIL)


def stamped(situation: Situation, draft: Draft, stamp: Stamp, letter: Letter) -> Mail:
    """Return a message with what the sender cannot choose: who sent it, when, from which session and task."""
    spec = stamp.session.spec if stamp.session else None
    task = spec.task if spec else letter.task
    known = situation.desired.tasks.get(task) if task else None
    id_ = mail_id(_instant(situation, draft, stamp), len(draft.mail) + 1, stamp.origin)
    return Mail(
        id=id_,
        sender=stamp.sender,
        to=stamp.to,
        type=letter.type,
        subject=letter.subject,
        created=situation.now,
        thread=_thread(situation, stamp, letter) or id_,
        in_reply_to=letter.in_reply_to,
        priority=letter.priority,
        task=task,
        convoy=letter.convoy or (known.convoy if known else None),
        session=spec.id if spec else None,
        group=stamp.group,
        refused=stamp.refused,
        body=letter.body,
    )


def _instant(situation: Situation, draft: Draft, stamp: Stamp) -> datetime:
    """Return the instant for an id: later than that of all messages in the mailbox, also where the clock went back.

    How far delivery is, is the id of the last message that was delivered.
    """
    name = DEAD if stamp.refused else stamp.to
    if name not in draft.mail_times:
        newest_ms = max(map(sent_at_ms, box(situation, name)), default=0)
        newest = datetime.fromtimestamp(newest_ms / 1000, UTC)
        draft.mail_times[name] = max(situation.now, newest + timedelta(milliseconds=1))
    return draft.mail_times[name]


def _thread(situation: Situation, stamp: Stamp, letter: Letter) -> MailId | None:
    """Return the conversation of what is answered, as far as the sender or the recipient has it."""
    if letter.in_reply_to is not None:
        for name in (stamp.sender, stamp.to):
            answered = box(situation, name).get(letter.in_reply_to)
            if answered is not None:
                return answered.thread
    return letter.thread or letter.in_reply_to


def record(situation: Situation, draft: Draft, mail: Mail) -> None:
    """Put a new message into the draft."""
    draft.mail[mail.id] = mail
    name = DEAD if mail.refused else mail.to
    is_recorded(situation, draft, name, "")
    draft.mail_origins[name].add(origin_in(mail.id))


def is_recorded(situation: Situation, draft: Draft, to: str, origin: str) -> bool:
    """Return whether a message of that origin is in a mailbox, or will be after this tick."""
    if to not in draft.mail_origins:
        draft.mail_origins[to] = {origin_in(id_) for id_ in box(situation, to)}
    return origin in draft.mail_origins[to]


def find(situation: Situation, to: str, origin: str) -> Mail | None:
    """Return the recorded message of that origin."""
    recorded = box(situation, to)
    return next((recorded.get(id_) for id_ in recorded if origin_in(id_) == origin), None)


def has_run(session: ProgramSession) -> bool:
    """Return whether a session's program has demonstrably begun its work: only then was its prompt read.

    A greeting is not enough where programs greet before they ask their provider, who may refuse.
    """
    stream = session.stream
    if stream.usage.tokens:
        return True
    if not session.is_over:
        return bool(stream.lines) and stream.conversation is None and stream.fault is None
    if session.state == "lost" or session.error or session.exit_code is None or stream.fault is not None:
        return False
    is_killed = session.exit_code == KILLED and session.stop is None
    return not is_killed or bool(stream.lines)


def is_group(address: str) -> bool:
    return address.startswith("@")
