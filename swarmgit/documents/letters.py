"""Letters: what a sender put into its outbox, from bytes to a value, or one sentence about what is wrong with it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from swarmgit.documents import quoting, rules
from swarmgit.documents.spelling import did_you_mean
from swarmgit.model.mail import (
    BODY_BYTES_MAX,
    LETTER_BYTES_MAX,
    RECIPIENTS_MAX,
    SUBJECT_CHARS_MAX,
    Letter,
    MailPriority,
    MailType,
)

KEYS = ("version", "from", "to", "type", "subject", "body", "priority", "thread", "in_reply_to", "task", "convoy")
WORDS = {"type": get_args(MailType), "priority": get_args(MailPriority)}


class Unreadable(ValueError):
    """A letter that cannot be sent; the message says what is wrong with it."""


def read(name: str, data: bytes) -> Letter:
    """Return the letter in a file of JSON or YAML; Unreadable where it is none."""
    if len(data) > LETTER_BYTES_MAX:
        raise Unreadable(f"{name}: too large: at most {LETTER_BYTES_MAX} bytes are sent")
    try:
        return letter(_mapping(name, data))
    except UnicodeEncodeError as error:
        raise Unreadable(f"{name}: half of a character cannot be sent") from error


def letter(document: dict[str, Any]) -> Letter:
    """Return the letter that plain data describes; Unreadable names the first thing wrong with it."""
    for key in document:
        if key not in KEYS:
            raise Unreadable(f"unknown key '{str(key)[:60]}'{did_you_mean(key, KEYS)}")
    if document.get("version", 1) != 1:
        raise Unreadable("the version is not 1")
    fields = {("sender" if key == "from" else key): value for key, value in document.items() if key != "version"}
    fields["to"] = _recipients(fields.get("to"))
    for key, allowed in WORDS.items():
        if key in fields and fields[key] not in allowed:
            word = fields[key]
            raise Unreadable(
                f"'{key}' is {str(word)[:60]!r}, not one of {', '.join(allowed)}{did_you_mean(word, allowed)}"
            )
    try:
        made = msgspec.convert(fields, Letter)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error).replace(" - at `$.", " - at `")) from error
    return _checked(made)


def _mapping(name: str, data: bytes) -> dict[str, Any]:
    if data.lstrip()[:1] == b"{":
        try:
            found = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = None  # it may still be YAML in braces
        if isinstance(found, dict):
            return found
    from swarmgit.documents import places  # people and scripts write YAML; `swarmgit mail send` does not

    node, problems = places.read(name, data)
    if node is None or problems:
        raise Unreadable("; ".join(map(str, problems[:3])) or f"{name}: not a document")
    return dict(node.data)


def _recipients(given: object) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise Unreadable("'to' must name who gets it: an agent, human, swarmgit, @all, @role:NAME or @convoy:NAME")
    if len(names) > RECIPIENTS_MAX:
        raise Unreadable(f"'to' names {len(names)} recipients; at most {RECIPIENTS_MAX}, or a group")
    return tuple(dict.fromkeys("human" if name == "person" else name for name in names))


def _checked(made: Letter) -> Letter:
    for words in (made.subject, made.body, made.sender or "", *made.to):
        words.encode()  # a lone surrogate is text for YAML, and for nothing else
    subject = quoting.line(made.subject)
    if not subject:
        raise Unreadable("'subject' must not be empty")
    if len(subject) > SUBJECT_CHARS_MAX:
        raise Unreadable(f"'subject' has {len(subject)} characters; at most {SUBJECT_CHARS_MAX}")
    size = len(made.body.encode("utf-8", "surrogatepass"))
    if size > BODY_BYTES_MAX:
        raise Unreadable(f"'body' has {size} bytes; at most {BODY_BYTES_MAX}")
    for key in ("thread", "in_reply_to", "task", "convoy"):
        value = getattr(made, key)
        if value is not None and not rules.is_name(value):
            raise Unreadable(f"'{key}' is not an id: {str(value)[:60]!r}")
    return replace(made, subject=subject)
