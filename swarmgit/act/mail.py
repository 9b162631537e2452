"""Delivery: copies of recorded messages go into a session's inbox, and recorded letters leave its outbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from swarmgit.documents import paths, quoting
from swarmgit.documents.as_json import from_json
from swarmgit.model.actions import DeliverMail, TakeMail
from swarmgit.model.ids import SessionId
from swarmgit.model.incidents import Alert, facts
from swarmgit.model.mail import Mail
from swarmgit.model.outcomes import Done, Outcome
from swarmgit.ports.world import World
from swarmgit.state import text


def deliver(action: DeliverMail, world: World) -> Outcome:
    """Put messages into an inbox, oldest first, then note the last one, so that none is given twice.

    An inbox that the session has made unusable gets nothing, and is noted all the same: what was not read is shown
    to the agent's next session.
    """
    copies = {f"{mail.id}.yaml": copy_of(mail) for mail in action.mails}
    copies |= {f"{mail.id}{paths.NOTE_SUFFIX}": _note(mail) for mail in action.mails if mail.priority == "urgent"}
    copies = {name: world.secrets.redact(copy, f"message {name}") for name, copy in copies.items()}
    with suppress(OSError):
        world.executor.write_all(action.session, paths.INBOX, copies)
    world.fault("delivered")
    world.executor.write(action.session, paths.DELIVERED_FILE, f"{action.mails[-1].id}\n".encode())
    return Done(action)


def copy_of(mail: Mail) -> bytes:
    """Return the copy for an inbox: JSON, which is YAML too, so that it can be read without a library."""
    return msgspec.json.format(msgspec.json.encode(text.plain(mail)), indent=2) + b"\n"


def _note(mail: Mail) -> bytes:
    """Return what an urgent message says to an agent that looks at its inbox too late, if its program shows notes."""
    head = f"Urgent mail from {mail.sender}: {quoting.line(mail.subject)}"
    text = f"{head}\n\n{quoting.quotation(mail.body)}\n\n(message {mail.id} in your inbox)"
    return msgspec.json.encode(text) + b"\n"


def take(action: TakeMail, world: World) -> Outcome:
    """Remove letters that were recorded, and receipts, whose messages leave the inbox first.

    A file that was written anew under the same name since it was looked at stays: it is another letter.
    """
    outbox, read = paths.OUTBOX, f"{paths.OUTBOX}/{paths.READ}"
    resisting = world.executor.discard(action.session, outbox, action.letters, action.times)
    for mail in action.receipts:
        with suppress(OSError):
            old, new = f"{paths.INBOX}/{mail}.yaml", f"{paths.INBOX}/{paths.READ}/{mail}.yaml"
            world.executor.move(action.session, old, new)
    resisting |= world.executor.discard(action.session, read, action.receipts)
    if resisting:
        _set_aside(action, resisting, world)
    return Done(action)


def _set_aside(action: TakeMail, resisting: Mapping[str, str], world: World) -> None:
    """Note what was taken in and cannot be removed, so that it is not taken in again, and report it."""
    seeds = dict(zip(action.letters, action.seeds, strict=True))
    before = world.executor.read(action.session, paths.STUCK_FILE)
    known: set[str] = set()
    with suppress(ValueError):  # damaged: what it named is only looked at once more
        known = set(from_json(before, list[str])) if before else set()
    known |= {seeds.get(name, name) for name in resisting}
    world.executor.write(action.session, paths.STUCK_FILE, json.dumps(sorted(known)).encode())
    for name, reason in resisting.items():
        world.notices.add(_resists(action.session, name, reason, world))


def _resists(session: SessionId, name: str, reason: str, world: World) -> Alert:
    shown = name.encode("utf-8", "backslashreplace").decode()
    folder = world.executor.folder(session) / paths.OUTBOX
    return Alert("mail/stuck", session=session, facts=facts(file=shown, reason=reason, folder=folder))
