"""What an agent program says while it works, in swarmgit's words, whatever words the program itself has.

An adapter translates each line of its program's output into these; `runtimes/reader.py` adds them up to a `Stream`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from swarmgit.model.usage import Usage, Voice

FaultKind = Literal[
    "auth", "config", "rate-limit", "transient", "context", "conversation", "turns", "unreadable", "other"
]
"""auth, config: a person must act; rate-limit, transient: time heals it; context: the conversation has become too long
for the model; conversation: the one to go on with does not exist (any more); turns: a limit of the program's own;
unreadable: its adapter's reader broke on what it printed."""


class Text(Struct, frozen=True):
    text: str


class ToolUse(Struct, frozen=True):
    """`detail`: the command, path or pattern that it was used with, in few words."""

    tool: str
    detail: str = ""


class FileAction(Struct, frozen=True):
    """A file was created, edited, read or deleted. `file`: as the program named it."""

    action: str
    file: str
    at: datetime | None = None


class Spent(Struct, frozen=True):
    """Tokens of one step. `estimate_of` names the step where a later line will say it again, or better.

    Without it the usage is final, and covers every step that was estimated before.
    """

    usage: Usage
    estimate_of: str | None = None


class Conversation(Struct, frozen=True):
    """What a later session needs to go on from here, and which model answers. `takes_messages`: it reads its inbox."""

    id: str | None = None
    model: str | None = None
    takes_messages: bool = False


class Context(Struct, frozen=True):
    """Tokens that the last request filled of the model's window; `window` None: not said."""

    used: int | None = None
    window: int | None = None


class Limited(Struct, frozen=True):
    """The provider has asked for a pause, and the program sits it out by itself. Both None: it did not say how long."""

    wait_s: float | None = None
    until: datetime | None = None


class Fault(Struct, frozen=True):
    """What went wrong, so that it can be decided who must act. `remedy`: what a person has to do."""

    kind: FaultKind
    message: str
    status: int | None = None
    wait_s: float | None = None
    until: datetime | None = None
    remedy: str = ""


class Result(Struct, frozen=True):
    """The program's last word. `fault` None: it thinks that it is done."""

    text: str = ""
    fault: Fault | None = None


class NoChange(Struct, frozen=True):
    reason: str


Event = Text | ToolUse | FileAction | Spent | Conversation | Context | Limited | Fault | Result | NoChange


class Stream(Struct, frozen=True):
    """What a session's output has said so far, read by its runtime's adapter.

    `conversation`: how a later session can go on with this one; None where the program cannot. `usage_covers`:
    `conversation` where a resumed program counts what was used before the resumption again. `is_complete`: whether
    the program has said its last word; None where it has none, and its exit code alone tells. `fault`: why it could
    not go on; a later success takes it back. `limited`: it is waiting for a provider right now. `context_used`: tokens
    that its last request filled of `context_window`. `takes_messages`: what is put into its inbox reaches it at work.
    `speaks_for`: whom its limits and refusals can bind.
    `misread`: lines that its adapter could not bear, and counted as text; `misread_as`: the first error of that kind.
    """

    usage: Usage = field(default_factory=Usage)
    actions: tuple[FileAction, ...] = ()
    no_change: str | None = None
    text_tail: str = ""
    lines: int = 0
    tools: int = 0
    conversation: str | None = None
    model: str | None = None
    context_used: int | None = None
    context_window: int | None = None
    usage_covers: Literal["session", "conversation"] = "session"
    limited: Limited | None = None
    fault: Fault | None = None
    is_complete: bool | None = None
    takes_messages: bool = False
    speaks_for: Voice = "session"
    misread: int = 0
    misread_as: str = ""
