"""Mail: letters are stamped, judged and recorded; recorded messages are delivered once; what was read is noted.

`collect` comes early in a tick, so that what was just written can be shown in a prompt of the same tick; `deliver`
comes late, so that what the tick itself had to say goes out with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.documents import quoting
from swarmgit.model.actions import DeliverMail, Remove, Save, TakeMail
from swarmgit.model.ids import AgentName, MailId, TaskId
from swarmgit.model.incidents import COUNTED_PER_HOUR, Alert, facts
from swarmgit.model.mail import (
    DEAD,
    HUMAN,
    MAIL_RANK,
    RESERVED,
    SUBJECT_CHARS_MAX,
    SWARMGIT,
    Digest,
    Letter,
    Mail,
    Outbox,
    origin_of,
)
from swarmgit.model.sessions import AgentSession, ProgramSession, Session, of_kind
from swarmgit.plan.comms import Roster, judge
from swarmgit.plan.letters import Stamp, box, has_run, is_group, is_recorded, record, stamped
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.tallies import SENDER_PER_HOUR, Tally
from swarmgit.state import kinds

DELIVERED_MAX = 500
"""Messages put into one inbox in one tick."""

DEAD_PER_HOUR = COUNTED_PER_HOUR
"""Dead letters kept of one sender; of a flood the rest is only removed from its outbox."""

PROMPT_MAILS_MAX = 10
PROMPT_CHARS_MAX = 12_000
CUT_CHARS = 2_000
"""Shown of a message that does not fit into what is left of a prompt's room."""

WAIT_S = 0.3


def from_swarmgit(situation: Situation, draft: Draft, letter: Letter, key: str, *, is_read: bool = False) -> None:
    """Send a message of swarmgit's own to agents, people or groups; the same `key` is sent once to each recipient.

    To be called whenever the thing to say holds: repeating it, in this tick or a later one, changes nothing.
    `is_read`: it is kept for the record only, because its recipient learns of it in another way.
    """
    for address in letter.to:
        group = address if is_group(address) else ""
        for to in Roster.of(situation.desired, situation.observed).group(address) if group else (address,):
            origin = origin_of(f"{SWARMGIT}/{key}/{to}")
            if not is_recorded(situation, draft, to, origin):
                made = stamped(situation, draft, Stamp(SWARMGIT, to, origin, group), letter)
                record(situation, draft, replace(made, read_at=situation.now) if is_read else made)


def collect(situation: Situation, draft: Draft) -> None:
    """Take in what was written and read since the last tick."""
    observed = situation.observed
    if observed.outboxes or observed.mail_controls:
        office = _Office(situation, draft, Tally(situation))
        for session_id, outbox in sorted(observed.outboxes.items()):
            session = observed.sessions.get(session_id)
            if session is not None:
                office.take(session, outbox)
        for name, control in sorted(observed.mail_controls.items()):
            if control.letter is not None:
                office.accept(_Sender(HUMAN), control.letter, f"control/{name}")
            _note_read(situation, draft, HUMAN, control.read)
            draft.add(Remove(kinds.MAIL_CONTROL.file(name)))
    for session in observed.programs:
        if session.spec.mail and has_run(session):
            _note_read(situation, draft, session.spec.agent, session.spec.mail)


def deliver(situation: Situation, draft: Draft) -> None:
    """Put what is new into the inboxes of live sessions; what policy does not allow any more becomes a dead letter."""
    roster: Roster | None = None
    for session in of_kind(situation.observed.sessions.values(), AgentSession):
        if session.is_over:
            continue
        outbox = situation.observed.outboxes.get(session.spec.id, Outbox())
        new = _undelivered(situation, draft, session, outbox.delivered)
        if new:
            roster = roster or Roster.of(situation.desired, situation.observed)
            allowed = tuple(mail for mail in new if _may_still_go(situation, draft, roster, mail))
            if allowed:
                draft.add(DeliverMail(session.spec.id, allowed[:DELIVERED_MAX]))
    for mail in draft.mail.values():
        was_kept = mail.refused and mail.id in box(situation, mail.to)
        draft.add(Save(mail, replaces=kinds.MAIL.file(f"{mail.to}/{mail.id}") if was_kept else ""))


def waiting(situation: Situation, draft: Draft, agent: AgentName) -> tuple[Mail, ...]:
    """Return what an agent has not read yet, oldest first."""
    return tuple(sorted((m for m in _all(situation, draft, agent) if m.read_at is None), key=lambda m: m.id))


def digest(situation: Situation, draft: Draft, agent: AgentName) -> Digest:
    """Return what the prompt of the agent's next session shows: the most urgent, within a cap; long ones are cut.

    What is not shown whole goes into the inbox of that session.
    """
    unread = waiting(situation, draft, agent)
    if not unread:
        return Digest()
    roster = Roster.of(situation.desired, situation.observed)
    whole: list[Mail] = []
    cut: list[tuple[Mail, int]] = []
    more, room = 0, PROMPT_CHARS_MAX
    for mail in sorted(unread, key=lambda m: (MAIL_RANK[m.priority], m.id)):
        size = len(mail.body) if len(mail.body) <= room else min(CUT_CHARS, room)
        if not _may_still_go(situation, draft, roster, mail):
            continue
        if len(whole) + len(cut) == PROMPT_MAILS_MAX:
            more += 1
            continue
        if size == len(mail.body):
            whole.append(mail)
        else:
            cut.append((mail, size))
        room -= size
    return Digest(tuple(sorted(whole, key=lambda m: m.id)), tuple(sorted(cut, key=lambda each: each[0].id)), more)


# --- taking letters in ----------------------------------------------------------------------------------------------


class _Sender(Struct, frozen=True):
    name: str
    session: Session | None = None

    @property
    def task(self) -> TaskId | None:
        return self.session.spec.task if self.session else None


class _Refusal(Struct, frozen=True):
    """Why a message is not sent. `is_hourly`: one dead letter an hour says it for all of that kind."""

    why: str
    is_hourly: bool = False


class _Office(Struct):
    """Where the letters of one tick are judged."""

    situation: Situation
    draft: Draft
    tally: Tally
    _roster: Roster | None = None

    @property
    def roster(self) -> Roster:
        self._roster = self._roster or Roster.of(self.situation.desired, self.situation.observed)
        return self._roster

    def take(self, session: Session, outbox: Outbox) -> None:
        """Take a session's letters and receipts. Whose they are is known from where they lie."""
        sender = _Sender(session.spec.agent or "", session)
        for posted in outbox.posted:
            seed = f"{session.spec.id}/{posted.seed}"
            if posted.letter is None:
                self.refuse(sender, Letter((DEAD,), "(a letter that cannot be read)"), posted.problem, seed)
            elif posted.letter.sender not in {None, sender.name}:
                why = f"forged sender: {posted.letter.sender!r} was claimed by {sender.name}"
                dead = self.refuse(sender, posted.letter, why, seed)
                self.draft.alerts += [_forgery(dead)] if dead is not None else []
            else:
                self.accept(sender, posted.letter, seed)
        _note_read(self.situation, self.draft, sender.name, outbox.receipts)
        if outbox.posted or outbox.receipts:
            names, seeds = tuple(p.name for p in outbox.posted), tuple(p.seed for p in outbox.posted)
            times = tuple(p.changed_ns for p in outbox.posted)
            self.draft.add(TakeMail(session.spec.id, names, outbox.receipts, seeds, times))
        if outbox.is_waiting:
            self.draft.wakes.append(WAIT_S)

    def accept(self, sender: _Sender, letter: Letter, seed: str) -> None:
        """Record one message for each recipient, and one dead letter for all that may not get it."""
        refused: dict[_Refusal, list[str]] = {}
        for address in letter.to:
            group = address if is_group(address) else ""
            names = [name for name in self.roster.group(address) if name != sender.name] if group else [address]
            if not names:
                refused.setdefault(_Refusal(f"nobody is in {address} now"), []).append(address)
            for name in names:
                refusal = self._send(sender, letter, Stamp(sender.name, name, origin_of(f"{seed}/{name}"), group))
                if refusal is not None:
                    refused.setdefault(refusal, []).append(name)
        for refusal, names in refused.items():
            hour = f"{refusal.why}/{self.situation.now:%Y%m%d%H}"
            once = hour if refusal.is_hourly else f"{seed}/{names[0]}"
            self.refuse(sender, replace(letter, to=tuple(names)), refusal.why, once)

    def _send(self, sender: _Sender, letter: Letter, stamp: Stamp) -> _Refusal | None:
        """Record one copy, or return the rule that refuses it."""
        if stamp.to not in RESERVED - {DEAD} and not self.roster.knows(stamp.to):
            return _Refusal(f"there is no agent {stamp.to[:80]!r}")
        if stamp.to == sender.name:
            return _Refusal("nobody writes to themselves")
        if is_recorded(self.situation, self.draft, stamp.to, stamp.origin):
            return None
        verdict = judge(self.situation.desired.policy, self.roster, sender.name, stamp.to, letter.type)
        if verdict.refused:
            return _Refusal(verdict.refused)
        if verdict.max_per_hour is not None and self.tally.to(stamp.to).get(sender.name, 0) >= verdict.max_per_hour:
            most = f"more than {verdict.max_per_hour} an hour"
            return _Refusal(f"too many messages from {sender.name} to {stamp.to}: {most}", is_hourly=True)
        if sender.session is not None and self.tally.is_spent(sender.name):
            why = f"too many messages from {sender.name}: more than {SENDER_PER_HOUR} an hour"
            return _Refusal(why, is_hourly=True)
        self.tally.add(sender.name, stamp.to)
        made = stamped(self.situation, self.draft, replace(stamp, session=sender.session), letter)
        if stamp.to == SWARMGIT:  # recorded is read: nobody else looks there
            made = replace(made, read_at=self.situation.now)
        record(self.situation, self.draft, made)
        return None

    def refuse(self, sender: _Sender, letter: Letter, why: str, seed: str) -> Mail | None:
        """Record a dead letter with the rule that refused it, and tell its sender; of a flood only the first ones.

        Return the dead letter, None where there is none or it is recorded already.
        """
        origin = origin_of(f"{seed}/refused")
        is_flood = self.tally.to(DEAD).get(sender.name, 0) >= DEAD_PER_HOUR
        if is_flood or is_recorded(self.situation, self.draft, DEAD, origin):
            return None
        self.tally.add(sender.name, DEAD)
        to = quoting.line(", ".join(letter.to), 200)
        stamp = Stamp(sender.name, to, origin, session=sender.session, refused=why[:500])
        made = stamped(self.situation, self.draft, stamp, letter)
        record(self.situation, self.draft, made)
        words = f"Your message to {to} was not sent: {why}"
        body = f"{words}\nIts subject: {letter.subject}\n"
        notice = Letter((sender.name,), quoting.line(words, SUBJECT_CHARS_MAX), body)
        from_swarmgit(self.situation, self.draft, notice, f"refused/{made.id}")
        return made


def _forgery(letter: Mail) -> Alert:
    said = facts(mail=letter.id, refused=letter.refused, to=letter.to, subject=letter.subject)
    return Alert("mail/forged", AgentName(letter.sender), letter.task, letter.session, said)


# --- reading and delivery ---------------------------------------------------------------------------------------------


def _note_read(situation: Situation, draft: Draft, name: str, ids: Iterable[MailId]) -> None:
    recorded = box(situation, name)
    for id_ in ids:
        mail = recorded.get(id_)
        if mail is not None and mail.read_at is None:
            draft.mail[id_] = replace(mail, read_at=situation.now)


def _all(situation: Situation, draft: Draft, name: str) -> Iterator[Mail]:
    """Yield a mailbox as it is after this tick."""
    recorded = box(situation, name)
    for id_ in recorded:
        mail = None if id_ in draft.mail else recorded.get(id_)
        if mail is not None:
            yield mail
    yield from (mail for mail in draft.mail.values() if mail.to == name and not mail.refused)


def _undelivered(situation: Situation, draft: Draft, session: ProgramSession, mark: MailId | None) -> list[Mail]:
    """Return what a live session was not given yet, oldest first; `mark` is the last that it was given."""
    recorded = box(situation, session.spec.agent)
    ids = [id_ for id_ in recorded if mark is None or id_ > mark]
    mails = [draft.mail.get(id_) or recorded.get(id_) for id_ in ids]
    mails += [m for m in draft.mail.values() if m.to == session.spec.agent and m.id not in recorded]
    shown = frozenset(session.spec.mail)
    new = [m for m in mails if m is not None and m.read_at is None and not m.refused and m.id not in shown]
    return sorted(new, key=lambda m: m.id)


def _may_still_go(situation: Situation, draft: Draft, roster: Roster, mail: Mail) -> bool:
    """Return whether policy still allows a message; where it does not, make it a dead letter."""
    if mail.refused:
        return False
    verdict = judge(situation.desired.policy, roster, mail.sender, mail.to, mail.type)
    if verdict.refused:
        draft.mail[mail.id] = replace(mail, refused=f"when it was to be delivered: {verdict.refused}"[:500])
    return not verdict.refused
