"""Reads swarmgit's own JSON lines. What is no such line is text; nothing a program prints is an error.

    {"type": "usage", "input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 0, "cache_write_tokens": 0, "usd": 1}
{"type": "action", "action": "edit", "file": "src/a.py", "at": "2026-03-04T08:12:00Z"}
{"type": "no_change", "reason": "…"}
{"type": "text", "text": "…"}
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from swarmgit.model.status import Usage
from swarmgit.model.work import FileAction, Stream

LINE_BYTES_MAX = 1 << 20
ACTIONS_MAX = 1000
TAIL_CHARS_MAX = 4000
_TOKENS_MAX = 10**12
_USD_MAX = 10.0**6
_WORDS_CHARS_MAX = 2000
_PATH_CHARS_MAX = 4096
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


class JsonLinesReader:
    """ports.StreamReader in constant memory: one line of at most 1 MiB, 1,000 actions, 4,000 characters of text."""

    def __init__(self) -> None:
        self._facts = _Facts()
        self._partial = bytearray()
        self._is_skipping = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._line(chunk[start:end])
            start = end + 1
        self._keep(chunk[start:])

    def stream(self) -> Stream:
        """Return what has been said so far; a last line without its end counts if it is whole."""
        facts = self._facts
        if self._partial and not self._is_skipping:
            facts = facts.copy()
            facts.take(bytes(self._partial))
        return facts.stream(self._facts.lines)

    def _line(self, rest: bytes) -> None:
        if self._is_skipping or len(self._partial) + len(rest) > LINE_BYTES_MAX:
            self._keep(rest)
            self._facts.take_unread(bytes(self._partial))
        else:
            self._facts.take(bytes(self._partial) + rest if self._partial else rest)
        self._partial.clear()
        self._is_skipping = False

    def _keep(self, rest: bytes) -> None:
        """Remember the beginning of a line; of one that is too long only so much that something can be shown."""
        if self._is_skipping or not rest:
            return
        self._partial += rest[: LINE_BYTES_MAX + 1]
        if len(self._partial) > LINE_BYTES_MAX:
            del self._partial[TAIL_CHARS_MAX:]
            self._is_skipping = True


@dataclass
class _Facts:
    usage: Usage = field(default_factory=Usage)
    actions: list[FileAction] = field(default_factory=list)
    no_change: str | None = None
    lines: int = 0
    _words: list[str] = field(default_factory=list)
    _size: int = 0

    def copy(self) -> _Facts:
        """Return a copy that can take more without a trace in this one."""
        twin = copy.copy(self)
        twin.actions, twin._words = [*self.actions], [*self._words]
        return twin

    def take(self, line: bytes) -> None:
        """Take one line without its end."""
        self.lines += 1
        said = _decoded(line)
        match said.get("type") if said else None:
            case "usage":
                self._use(said)
            case "action" if self._act(said):
                pass
            case "no_change":
                self.no_change = _words(said.get("reason"))
            case "text" if isinstance(said.get("text"), str):
                self._say(said["text"][-TAIL_CHARS_MAX:])
            case _:
                self.take_text(line)

    def take_unread(self, beginning: bytes) -> None:
        """Take the beginning of a line that was too long."""
        self.lines += 1
        self.take_text(beginning)

    def take_text(self, line: bytes) -> None:
        """Take a line as words."""
        self._say(line[-4 * TAIL_CHARS_MAX :].decode("utf-8", "replace")[-TAIL_CHARS_MAX:])

    def stream(self, lines: int) -> Stream:
        """Return the value."""
        tail = "\n".join(self._words)[-TAIL_CHARS_MAX:]
        return Stream(self.usage, tuple(self.actions), self.no_change, tail, lines)

    def _say(self, words: str) -> None:
        self._words.append(words)
        self._size += len(words) + 1
        if self._size > 4 * TAIL_CHARS_MAX:
            tail = "\n".join(self._words)[-TAIL_CHARS_MAX:]
            self._words, self._size = [tail], len(tail) + 1

    def _use(self, said: dict[str, Any]) -> None:
        more = {name: getattr(self.usage, name) + _tokens(said.get(name)) for name in _TOKENS}
        usd = _usd(said.get("usd"))
        total = self.usage.usd if usd is None else (self.usage.usd or 0.0) + usd
        self.usage = replace(self.usage, **more, usd=total)

    def _act(self, said: dict[str, Any]) -> bool:
        """Take an action; False when it is none. The first thousand are kept, so that their numbers stay."""
        action, file = said.get("action"), said.get("file")
        if not isinstance(action, str) or not isinstance(file, str) or not file:
            return False
        if len(self.actions) < ACTIONS_MAX:
            self.actions.append(FileAction(_words(action)[:100], _plain(file)[:_PATH_CHARS_MAX], _instant(said)))
        return True


def _decoded(line: bytes) -> dict[str, Any]:
    line = line.strip()
    if not line.startswith(b"{"):
        return {}
    try:
        said = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return {}
    return said if isinstance(said, dict) else {}


def _tokens(value: object) -> int:
    """Return a count; what is none, negative or absurd is 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _TOKENS_MAX:
        return 0
    return int(value)


def _usd(value: object) -> float | None:
    """Return a price; what is none, negative or absurd is unknown, which is not free."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _USD_MAX and math.isfinite(value) else None


def _words(value: object) -> str:
    return _plain(value)[:_WORDS_CHARS_MAX].strip() if isinstance(value, str) else ""


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text[:_PATH_CHARS_MAX])


def _instant(said: dict[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(said.get("at", ""))[:40])
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
