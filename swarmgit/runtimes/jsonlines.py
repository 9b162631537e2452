"""Reads swarmgit's own JSON lines. What is no such line is text; nothing a program prints is an error.

    {"type": "usage", "input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 0, "cache_write_tokens": 0, "usd": 1}
{"type": "action", "action": "edit", "file": "src/a.py", "at": "2026-03-04T08:12:00Z"}
{"type": "tool", "tool": "run", "detail": "pytest -q"}
{"type": "no_change", "reason": "…"}
{"type": "text", "text": "…"}
{"type": "conversation", "id": "…", "model": "…", "window": 200000, "takes_messages": true}
{"type": "context", "used": 120000}
{"type": "rate_limit", "wait_s": 30}
{"type": "error", "kind": "auth", "message": "…", "status": 401, "wait_s": 30}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from swarmgit.model.events import (
    Context,
    Conversation,
    Event,
    Fault,
    FileAction,
    Limited,
    NoChange,
    Result,
    Spent,
    Text,
    ToolUse,
)
from swarmgit.model.usage import Usage
from swarmgit.runtimes import fields
from swarmgit.runtimes.reader import ACTIONS_MAX, TAIL_CHARS_MAX, Dialect, DialectReader
from swarmgit.runtimes.typed import FAULT_KINDS

__all__ = ["ACTIONS_MAX", "TAIL_CHARS_MAX", "JsonLinesReader", "translate"]


class JsonLinesReader(DialectReader):
    """The reader of the `command` adapter."""

    def __init__(self, dialect: Dialect | None = None) -> None:
        super().__init__(dialect or Dialect(translate))


def translate(said: Mapping[str, Any]) -> Iterable[Event] | None:  # noqa: C901, PLR0911, PLR0912  one line per kind of line
    """Return the events of one line of swarmgit's own."""
    match said.get("type"):
        case "usage":
            return (Spent(_usage(said)),)
        case "action" if isinstance(said.get("action"), str) and isinstance(said.get("file"), str) and said["file"]:
            return (FileAction(said["action"], said["file"], _instant(said)),)
        case "tool" if isinstance(said.get("tool"), str):
            return (ToolUse(said["tool"], fields.text(said.get("detail"))),)
        case "no_change":
            return (NoChange(fields.text(said.get("reason"))),)
        case "text" if isinstance(said.get("text"), str):
            return (Text(said["text"]),)
        case "conversation":
            id_, model = fields.conversation(said.get("id")), fields.name(said.get("model")) or None
            conversation = Conversation(id_, model, said.get("takes_messages") is True)
            return (conversation, Context(None, fields.tokens(said.get("window")) or None))
        case "context":
            return (Context(fields.tokens(said.get("used"))),)
        case "rate_limit":
            return (Limited(fields.seconds(said.get("wait_s")), fields.instant(said.get("until"))),)
        case "error":
            return (_fault(said),)
        case "result":
            return (Result(fields.text(said.get("text")), _fault(said) if said.get("is_error") else None),)
        case _:
            return None


def _usage(said: Mapping[str, Any]) -> Usage:
    return Usage(
        fields.tokens(said.get("input_tokens")),
        fields.tokens(said.get("output_tokens")),
        fields.tokens(said.get("cache_read_tokens")),
        fields.tokens(said.get("cache_write_tokens")),
        fields.usd(said.get("usd")),
    )


def _fault(said: Mapping[str, Any]) -> Fault:
    kind: Any = fields.choice(said.get("kind"), FAULT_KINDS) or "other"
    wait_s, until = fields.seconds(said.get("wait_s")), fields.instant(said.get("until"))
    return Fault(kind, fields.text(said.get("message")), fields.status(said.get("status")), wait_s, until)


def _instant(said: Mapping[str, Any]) -> datetime | None:
    return fields.instant(fields.text(said.get("at")))
