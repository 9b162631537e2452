"""From bytes cut anywhere to lines: JSON objects one by one, whatever is no JSON in bulk, and lines without an end.

Text costs a search for braces and no more, so that a flood of it holds nothing up; what only begins like an object is
text. A line of more than a mebibyte is
kept with its long strings cut, so that a program's last word is understood however much it repeats in it.
"""

from __future__ import annotations

import re
from typing import Literal, Protocol

from msgspec import Struct

LINE_BYTES_MAX = 1 << 20
STRING_BYTES_MAX = 4096
BEGINNING_BYTES_MAX = 2000
TAIL_BYTES_MAX = 16_384
"""What is kept of a line of text without an end: its last bytes."""

_CONTENT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_WHOLE = re.compile(rb"(?:[^\\]|\\u[0-9a-fA-F]{4}|\\[^u])*+", re.DOTALL)
_HALF = re.compile(rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2})\Z")
_QUOTE = ord('"')

Mode = Literal["whole", "shortened", "tail", "skipped"]
"""How the unfinished line is kept: as it is; JSON with its long strings cut; the end of text; only its beginning."""


class Listener(Protocol):
    """Who hears the lines."""

    def take(self, line: bytes) -> None:
        """Take one line that begins like a JSON object, without its end."""

    def take_texts(self, lines: bytes) -> None:
        """Take lines of text, the last one without its end."""


class Lines(Struct):
    """The unfinished line, and what is needed to go on in it. Plain data, so that another process can."""

    kept: bytes = b""
    mode: Mode = "whole"
    is_inside: bool = False
    is_escaping: bool = False
    begun: int = 0

    def feed(self, chunk: bytes, listener: Listener) -> None:
        """Hand on what has become whole; keep the rest."""
        first = chunk.find(b"\n")
        if first < 0:
            self._add(chunk)
            return
        if self.kept or self.mode != "whole":
            self._add(chunk[:first])
            self.finish(listener)
            start = first + 1
        else:
            start = 0
        last = chunk.rfind(b"\n")
        if last >= start:
            self._whole_lines(chunk[start:last], listener)
        self._add(chunk[last + 1 :])

    def finish(self, listener: Listener) -> None:
        """Hand on the unfinished line as one, and begin anew."""
        if self.is_object:
            listener.take(self.kept)
        else:
            listener.take_texts(self.kept)
        self.kept, self.mode, self.is_inside, self.is_escaping, self.begun = b"", "whole", False, False, 0

    @property
    def is_object(self) -> bool:
        """Whether the line begins like a JSON object and is kept so that it can be read as one."""
        return self.mode in {"whole", "shortened"} and self.kept[:TAIL_BYTES_MAX].lstrip().startswith(b"{")

    def _whole_lines(self, block: bytes, listener: Listener) -> None:
        start = scan = 0
        while (brace := block.find(b"{", scan)) >= 0:
            begin = block.rfind(b"\n", scan, brace) + 1 or scan
            end = block.find(b"\n", brace)
            end = len(block) if end < 0 else end
            if not block[begin:brace].strip() and block[begin:end].rstrip().endswith(b"}"):
                if begin > start:
                    listener.take_texts(block[start : begin - 1])
                self._line(block[begin:end], listener)
                start = end + 1
            scan = end + 1
        if start <= len(block):
            listener.take_texts(block[start:])

    def _line(self, line: bytes, listener: Listener) -> None:
        if len(line) <= LINE_BYTES_MAX:
            listener.take(line)
        else:
            self._add(line)
            self.finish(listener)

    def _add(self, piece: bytes) -> None:
        """Go on in the unfinished line."""
        match self.mode:
            case "whole":
                self.kept += piece
                if len(self.kept) > LINE_BYTES_MAX:
                    self._become_long()
            case "shortened":
                self._shorten(piece)
            case "tail":
                self.kept = (self.kept + piece)[-TAIL_BYTES_MAX:]
            case "skipped":
                pass

    def _become_long(self) -> None:
        whole, is_object = self.kept, self.is_object
        self.mode, self.kept = ("shortened", b"") if is_object else ("tail", whole[-TAIL_BYTES_MAX:])
        if is_object:
            self._shorten(whole)

    def _shorten(self, piece: bytes) -> None:
        """Take in more of a JSON text, of each string only its beginning."""
        out, at = bytearray(self.kept), 0
        while at < len(piece):
            at = self._string(out, piece, at) if self.is_inside else self._between(out, piece, at)
        self.kept = bytes(out)
        if len(out) > LINE_BYTES_MAX + STRING_BYTES_MAX:
            self.mode, self.kept = "skipped", bytes(out[:BEGINNING_BYTES_MAX])

    def _between(self, out: bytearray, piece: bytes, at: int) -> int:
        end = piece.find(b'"', at)
        if end < 0:
            out += piece[at:]
            return len(piece)
        out += piece[at : end + 1]
        self.is_inside, self.begun = True, len(out)
        return end + 1

    def _string(self, out: bytearray, piece: bytes, at: int) -> int:
        if self.is_escaping:
            end = at + 1
        else:
            found = _CONTENT.match(piece, at)
            end = found.end() if found else at
        out += piece[at : min(end, at + max(0, self.begun + STRING_BYTES_MAX + 1 - len(out)))]
        self.is_escaping = False
        if end == len(piece) or end > at:
            return end
        if piece[at] == _QUOTE:
            if len(out) - self.begun > STRING_BYTES_MAX:
                out[self.begun :] = _beginning(bytes(out[self.begun : self.begun + STRING_BYTES_MAX]))
            out += b'"'
            self.is_inside = False
        else:  # a backslash, and the piece ends behind it
            if len(out) - self.begun <= STRING_BYTES_MAX:
                out += b"\\"
            self.is_escaping = True
        return at + 1


def _beginning(content: bytes) -> bytes:
    """Return the part of a JSON string's beginning that is whole: no half escape, no half character."""
    found = _WHOLE.match(content)
    whole = _HALF.sub(b"", found[0] if found else b"")
    return whole.decode("utf-8", "ignore").encode()
