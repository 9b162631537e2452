"""The text of `mail`. Pure; what agents write is shown without anything that a terminal would obey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swarmgit.cli.table import minute, table
from swarmgit.documents import quoting

BODY_CHARS_MAX = 2000
SHORT_ID = 10
"""The end of an id names a message as well as the whole of it."""

Shown = Mapping[str, Any]


def mails_text(document: Shown, width: int | None) -> str:
    """Return the list of a mailbox."""
    mails = document["mails"]
    is_mixed = len({mail["to"] for mail in mails}) > 1
    rows = [
        (
            *("" if mail["read"] else "new", mail["id"][-SHORT_ID:], minute(str(mail.get("created", "")))[5:]),
            *(mail["from"], *([mail["to"]] if is_mixed else []), mail["type"], _subject(mail)),
        )
        for mail in mails
    ]
    header = ("", "id", "sent (UTC)", "from", *(["to"] if is_mixed else []), "type", "subject")
    text = table(header, rows, width) if rows else "no mail"
    waiting = [
        f"{', '.join(letter['to'])}: {quoting.line(letter['subject'])}" for letter in document.get("waiting", ())
    ]
    broken = [f"error: {place_of(each)}: {quoting.line(each['message'])}" for each in document.get("problems", ())]
    return "\n".join([text, *(f"goes out with the next tick, to {line}" for line in waiting), *broken])


def place_of(problem: Shown) -> str:
    """Return `file:line:column`, the file alone where the whole of it is meant."""
    return f"{problem['file']}:{problem['line']}:{problem['column']}" if problem["line"] else str(problem["file"])


def mail_text(mail: Shown) -> str:
    """Return one message whole."""
    lines = [
        f"{key}: {quoting.line(str(mail[key]))}"
        for key in (
            "id",
            "from",
            "to",
            "group",
            "type",
            "priority",
            "subject",
            "task",
            "in_reply_to",
            "created",
            "refused",
        )
        if mail.get(key)
    ]
    return "\n".join([*lines, "", quoting.block(str(mail.get("body", ""))).rstrip()]).rstrip()


def thread_text(mails: Sequence[Shown]) -> str:
    """Return a conversation."""
    return "\n\n---\n\n".join(mail_text(mail) for mail in mails) or "no mail"


def digest_text(mails: Sequence[Shown], left: int) -> str:
    """Return what is new, in short; '' where nothing is: a program that asks often wants silence."""
    parts = [_digest(mail) for mail in mails]
    more = [f"{left} more: swarmgit mail check"] if left else []
    return "\n\n".join([*parts, *more])


def _digest(mail: Shown) -> str:
    body = quoting.block(str(mail.get("body", ""))).strip()
    if len(body) > BODY_CHARS_MAX:
        body = f"{body[:BODY_CHARS_MAX]}…\n(the rest: swarmgit mail read {mail['id']})"
    urgent = " URGENT" if mail.get("priority") == "urgent" else ""
    sender, subject = quoting.line(str(mail["from"])), quoting.line(str(mail["subject"]))
    head = f"[{mail['id']}] {mail['type']} from {sender}:{urgent} {subject}"
    return f"{head}\n{body}".rstrip()


def _subject(mail: Shown) -> str:
    mark = "! " if mail.get("priority") == "urgent" else ""
    why = f" [refused: {mail['refused']}]" if mail.get("refused") else ""
    return f"{mark}{mail['subject']}{why}"
