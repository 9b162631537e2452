"""From what a program prints to a `Stream`: the part that every adapter shares. An adapter brings a translation."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.events import Stream
from swarmgit.runtimes.adding import ACTIONS_MAX, TAIL_CHARS_MAX, Adder, Heard, added
from swarmgit.runtimes.dialect import Dialect
from swarmgit.runtimes.lines import LINE_BYTES_MAX, TAIL_BYTES_MAX, Lines

__all__ = ["ACTIONS_MAX", "TAIL_CHARS_MAX", "Dialect", "DialectReader", "added"]

STATE_VERSION = 1


class DialectReader:
    """ports.StreamReader in constant memory: one line of at most 1 MiB, 1,000 actions, 4,000 characters of text."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._lines = Lines()
        self._ear = Adder(dialect, Heard())
        self._error = b""

    @property
    def hears_errors(self) -> bool:
        """Return whether the program's standard error says something that its output does not."""
        return self._dialect.errors is not None

    def feed_errors(self, chunk: bytes) -> None:
        """Take the next bytes of its standard error, cut anywhere."""
        *lines, rest = (self._error + chunk).split(b"\n")
        self._error = rest[:LINE_BYTES_MAX]
        for line in lines:
            self._ear.take_error(line[:TAIL_CHARS_MAX].decode("utf-8", "replace"))

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._lines.feed(chunk, self._ear)

    def stream(self) -> Stream:
        """Return what has been said so far; a last line without its end counts if it is whole."""
        lines = self._lines
        if not lines.kept or lines.mode == "skipped":
            return self._ear.stream()
        twin = self._ear.copy()
        if lines.is_object and lines.kept.rstrip().endswith(b"}"):
            twin.take(lines.kept)
        else:
            twin.take_texts(lines.kept[-TAIL_BYTES_MAX:])
        return replace(twin.stream(), lines=self._ear.heard.lines)

    def state(self) -> bytes:
        """Return all that it knows, for a reader of the same dialect in another process."""
        return msgspec.json.encode(_State(self._ear.heard, self._lines))

    def restore(self, state: bytes) -> bool:
        """Go on from where another reader stood; False, and nothing changes, where `state` is none."""
        try:
            found = msgspec.json.decode(state, type=_State)
        except (msgspec.MsgspecError, RecursionError):
            return False
        if found.version != STATE_VERSION:
            return False
        self._ear, self._lines = Adder(self._dialect, found.heard), found.lines
        return True


class _State(Struct, forbid_unknown_fields=True):
    heard: Heard
    lines: Lines
    version: int = STATE_VERSION
