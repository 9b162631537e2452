"""Mail as a person has it: mailboxes are read from the state branch; what a person writes or reads is a request there,
which the next tick carries out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.app.control import write_request
from swarmgit.app.look import look
from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import Problem
from swarmgit.model.ids import MailId, SessionId, ulid
from swarmgit.model.mail import HUMAN, RESERVED, SWARMGIT, Letter, Mail, MailControl, sent_at_ms
from swarmgit.model.observed import Stored
from swarmgit.model.renames import called
from swarmgit.model.status import FINISHED
from swarmgit.plan.comms import Roster
from swarmgit.ports.world import ReadWorld, World
from swarmgit.state import kinds
from swarmgit.state.archive import find
from swarmgit.state.mailboxes import Mailbox
from swarmgit.state.reading import StateReader

MIN_ID_CHARS = 4


def post(world: World, document: Mapping[str, Any], by: str) -> tuple[str, ...]:
    """Post a person's letter for the next tick to send, and return whom it is addressed to."""
    from swarmgit.documents import letters  # the parsers, which reading does not need

    try:
        letter = letters.letter(dict(document))
    except letters.Unreadable as error:
        raise PersonMustAct(str(error), "swarmgit mail send --help") from error
    seen = look(world)
    roster = Roster.of(seen.desired, seen.observed)
    unknown = [to for to in letter.to if not (to.startswith("@") or to == SWARMGIT or roster.knows(to))]
    if unknown:
        raise PersonMustAct(f"there is no agent {unknown[0]!r} to write to", "swarmgit agents")
    if letter.in_reply_to is not None:
        letter = replace(letter, in_reply_to=_find(world, letter.in_reply_to).id)
    control = MailControl(letter=letter, by=by, at=seen.now)
    name = ulid(seen.now, f"{by} {letter.to} {letter.subject} {letter.body}")
    write_request(world, kinds.MAIL_CONTROL.file(name), control, f"Mail from {by}", seen.now)
    return letter.to


def nudge(world: World, name: str, text: str, by: str) -> tuple[str, ...]:
    """Write an urgent message to an agent, named by itself, its session or its task."""
    seen = look(world)
    session = seen.observed.sessions.get(SessionId(name))
    status = called(seen.observed.statuses, name)
    if session is None and (name in seen.observed.archived or (status is not None and status.phase in FINISHED)):
        phase = status.phase if status is not None else "finished and archived"
        raise PersonMustAct(f"task {name} is {phase}: nobody works on it any more", f"swarmgit why {name}")
    if session is not None and session.is_over:
        raise PersonMustAct(f"session {name} has ended: nobody would read it", "swarmgit status")
    agent = session.spec.agent if session else status.last.agent if status and status.last else name
    words = text or "Somebody is waiting for you: say where you are, and what holds you up."
    return post(world, {"to": [agent], "subject": words[:100], "body": text, "priority": "urgent"}, by)


class Listed(Struct, frozen=True):
    """A mailbox: its messages, oldest first, what cannot be read of it, and letters of people for the next tick."""

    mails: tuple[Mail, ...]
    problems: tuple[Problem, ...]
    waiting: tuple[Letter, ...]


def mailbox(world: ReadWorld, name: str) -> Listed:
    """Return what is in a mailbox; `dead` holds what was refused."""
    _check_mailbox(world, name)
    stored = _stored(world)
    box = stored.mail.get(name)
    mails = tuple(mail for id_ in sorted(box) if (mail := box.get(id_)) is not None) if box is not None else ()
    problems = tuple(box.problems[id_] for id_ in sorted(box.problems)) if isinstance(box, Mailbox) else ()
    return Listed(mails, problems, _posted(stored))


def _check_mailbox(world: ReadWorld, name: str) -> None:
    """Raise where nobody of that name has mail, or can have any."""
    known = {*RESERVED, *mailboxes(world)}
    if name in known:
        return
    seen = look(world)
    if not Roster.of(seen.desired, seen.observed).knows(name):
        raise PersonMustAct(f"there is no mailbox {name!r}; there are {', '.join(sorted(known))}", "swarmgit agents")


def mailboxes(world: ReadWorld) -> tuple[str, ...]:
    """Return whose mailboxes there are."""
    return tuple(sorted(_stored(world).mail))


def read(world: World, name: str, by: str) -> Mail:
    """Return one message by its id, or the start or end of it; one to people is noted as read."""
    mail = _find(world, name)
    if mail.to == HUMAN and mail.read_at is None and not mail.refused:
        _note(world, mail, by)
    return mail


def thread(world: ReadWorld, name: str) -> tuple[Mail, ...]:
    """Return the conversation that a message belongs to, oldest first, as far as it is not archived."""
    wanted = _find(world, name).thread
    boxes = _stored(world).mail
    found = (box.get(id_) for box in boxes.values() for id_ in box)
    return tuple(sorted((m for m in found if m is not None and m.thread == wanted), key=lambda m: m.id))


def _posted(stored: Stored) -> tuple[Letter, ...]:
    return tuple(c.letter for _, c in sorted(stored.mail_controls.items()) if c.letter is not None)


def _stored(world: ReadWorld) -> Stored:
    return StateReader(world.objects, world.cache).read(world.state.head())


def _find(world: ReadWorld, name: str) -> Mail:
    boxes = _stored(world).mail
    known = sorted({id_ for box in boxes.values() for id_ in box})
    found = [id_ for id_ in known if id_ == name]
    if not found and len(name) >= MIN_ID_CHARS:
        found = [id_ for id_ in known if id_.startswith(name)] or [id_ for id_ in known if id_.endswith(name)]
    for box in boxes.values():
        mail = box.get(found[0]) if len(found) == 1 else None
        if mail is not None:
            return mail
    archived = _archived(world, name)
    if archived is None:
        raise PersonMustAct(f"there is no message {name!r}", "swarmgit mail list")
    return archived


def _archived(world: ReadWorld, name: str) -> Mail | None:
    """Return a message from the archive, where its whole id says the day."""
    if not sent_at_ms(name):
        return None
    day = datetime.fromtimestamp(sent_at_ms(name) / 1000, UTC)
    return find(world.objects, world.state.head(), kinds.MAIL, name, day)


def _note(world: World, mail: Mail, by: str) -> None:
    now = world.clock.now()
    control = MailControl(read=(MailId(mail.id),), by=by, at=now)
    write_request(world, kinds.MAIL_CONTROL.file(f"read-{mail.id}"), control, f"{by} has read {mail.id}", now)
