"""Mail: what agents, people and swarmgit write to each other."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from swarmgit.model.ids import CROCKFORD, ConvoyId, MailId, SessionId, TaskId, hash_digits

MailType = Literal[
    "task_complete",
    "merge_ready",
    "rework_request",
    "help_request",
    "question",
    "answer",
    "status_update",
    "handoff",
    "dispatch",
    "escalation",
    "broadcast",
]
MailPriority = Literal["low", "normal", "high", "urgent"]

TYPES: tuple[MailType, ...] = get_args(MailType)
PRIORITIES: tuple[MailPriority, ...] = get_args(MailPriority)
MAIL_RANK = {"urgent": 0, "high": 1, "normal": 2, "low": 3}

HUMAN = "human"
SWARMGIT = "swarmgit"
DEAD = "dead"
RESERVED = frozenset({HUMAN, SWARMGIT, DEAD})
"""Names that no agent can have: whose mailbox it is would not be clear."""

SUBJECT_CHARS_MAX = 200
BODY_BYTES_MAX = 64 << 10
LETTER_BYTES_MAX = 96 << 10
RECIPIENTS_MAX = 50
_ORIGIN_DIGITS = 12
_MS_MAX = 1 << 45
"""In the year 3084: what claims to be later is no id of ours."""


class Letter(Struct, frozen=True):
    """What a sender writes. `to`: agents, `human`, `swarmgit`, or groups (`@all`, `@role:NAME`, `@convoy:NAME`).

    `sender` is only a claim: a letter that claims to be somebody else's is refused.
    """

    to: tuple[str, ...]
    subject: str
    body: str = ""
    type: MailType = "status_update"
    priority: MailPriority = "normal"
    thread: MailId | None = None
    in_reply_to: MailId | None = None
    task: TaskId | None = None
    convoy: ConvoyId | None = None
    sender: str | None = None


class Mail(Struct, frozen=True):
    """One message to one recipient, as swarmgit stamped it; in its file `sender` is called `from`.

    `group`: the group it was sent to. `session`: in which the sender wrote it. `refused`: the rule that made it a
    dead letter. `thread`: the id of the first message of the conversation.
    """

    id: MailId
    sender: str
    to: str
    type: MailType
    subject: str
    created: datetime
    thread: MailId
    in_reply_to: MailId | None = None
    priority: MailPriority = "normal"
    task: TaskId | None = None
    convoy: ConvoyId | None = None
    session: SessionId | None = None
    group: str = ""
    read_at: datetime | None = None
    refused: str = ""
    body: str = ""


class Posted(Struct, frozen=True):
    """One file of an outbox as it was last changed at `changed_ns`; `seed` names that version of it for good.

    `letter` None: it cannot be read, and `problem` says why.
    """

    name: str
    seed: str
    letter: Letter | None = None
    problem: str = ""
    changed_ns: int = 0


class Digest(Struct, frozen=True):
    """What a prompt shows of an agent's unread mail, each oldest first.

    `whole` counts as read once the session has run; `cut` (with the characters shown) and the `more` that are not
    shown come into the session's inbox as well.
    """

    whole: tuple[Mail, ...] = ()
    cut: tuple[tuple[Mail, int], ...] = ()
    more: int = 0


class Outbox(Struct, frozen=True):
    """What a session has put out for the mail. `receipts`: what it has read. `delivered`: the last that it was given.

    `is_waiting`: there is a file that may still be being written, or more than one look takes in.
    `is_flooded`: there are more files than anybody reads, so none is.
    """

    posted: tuple[Posted, ...] = ()
    receipts: tuple[MailId, ...] = ()
    delivered: MailId | None = None
    is_waiting: bool = False
    is_flooded: bool = False


class MailControl(Struct, frozen=True):
    """What a person did with mail from the command line: wrote a letter, or read what was addressed to people."""

    letter: Letter | None = None
    read: tuple[MailId, ...] = ()
    by: str = ""
    at: datetime | None = None


def mail_id(at: datetime, number: int, origin: str) -> MailId:
    """Return a ULID whose random part is a number within the tick (20 bits) and the origin of the message (60 bits).

    So ids sort as messages were taken in, and the same origin is recognised whenever it is seen again.
    """
    milliseconds = int(at.timestamp() * 1000) & (1 << 48) - 1
    value = milliseconds << 80 | (number & (1 << 20) - 1) << 60
    head = "".join(CROCKFORD[value >> shift & 31] for shift in range(125, 59, -5))
    return MailId(head + origin)


def origin_of(seed: str) -> str:
    """Return the last digits of the id of whatever is made from `seed`."""
    return hash_digits(seed, _ORIGIN_DIGITS)


def origin_in(id_: str) -> str:
    """Return the origin that an id carries."""
    return id_[-_ORIGIN_DIGITS:]


def sent_at_ms(id_: str) -> int:
    """Return when an id was made, in milliseconds since 1970; 0 for what is no id."""
    value = 0
    for digit in id_[:10]:
        place = CROCKFORD.find(digit)
        if place < 0:
            return 0
        value = value << 5 | place
    return value if value < _MS_MAX else 0
