"""Whether what a session prints says anything new."""

from __future__ import annotations

import re
from collections import deque
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.model.health import Repetition

BLOCK_LINES_MAX = 6
"""A line that is one of so many different ones before it says nothing new."""

LINE_BYTES_MAX = 4096
EXACT_BYTES_MAX = 16 << 10
SAMPLE_BYTES = 1 << 10
"""More than so much at once is judged by samples of it: its beginning, its middle and its end."""

TROUBLE = re.compile(
    rb"\b(retry(ing)?|attempt|again|reconnect(ing)?|refused|timed?.?out|fail(ed|ure)?|error|unable|cannot|denied|unavailable)\b",
    re.IGNORECASE,
)
"""Where a line speaks of trouble its numbers are no news (`retry 17: refused`). Elsewhere they are progress."""

PAUSE = timedelta(minutes=1)
"""Who has paused for so long begins anew; so does who slept with the machine, and whose clock was set back."""

DIGITS = re.compile(rb"[0-9]+")


class Novelty(Struct):
    """Listens to all of a session's output. What was printed before the first look does not count.

    Nobody saw how fast that came. `partial`: the unfinished line of each stream.
    """

    recent: deque[bytes] = field(default_factory=lambda: deque(maxlen=BLOCK_LINES_MAX))
    said: Repetition = field(default_factory=Repetition)
    partial: dict[str, bytes] = field(default_factory=dict)
    at: datetime | None = None

    def feed(self, chunk: bytes, at: datetime | None, stream: str = "stdout") -> None:
        """Take the next bytes of a stream, printed by `at`."""
        is_first = stream not in self.partial
        if chunk and at is not None:
            if self.at is not None and not timedelta(0) <= at - self.at < PAUSE:
                self.said = Repetition(0, at)
            self.at = at
        if len(chunk) <= EXACT_BYTES_MAX:
            self._take_lines(chunk, at, stream)
        else:
            self._sample(chunk, at, stream)
        if is_first:
            self.said = Repetition(0, at)

    def _take_lines(self, chunk: bytes, at: datetime | None, stream: str) -> None:
        *lines, rest = (self.partial.get(stream, b"") + chunk).split(b"\n")
        self.partial[stream] = rest[:LINE_BYTES_MAX]
        for line in lines:
            self._take(line.strip()[:LINE_BYTES_MAX], at)

    def _sample(self, chunk: bytes, at: datetime | None, stream: str) -> None:
        """Judge much at once: where the samples say nothing new, what lies between them does not either."""
        before = self.said.since
        middle = len(chunk) // 2
        later = (chunk[middle : middle + SAMPLE_BYTES], chunk[-SAMPLE_BYTES:])
        samples = [chunk[:SAMPLE_BYTES], *(each[each.find(b"\n") + 1 :] for each in later)]
        for sample in samples:
            self._take_lines(sample, at, stream)
            self.partial[stream] = b"" if sample is not samples[-1] else self.partial[stream]
        counted = sum(sample.count(b"\n") for sample in samples)
        if self.said.since == before and self.said.lines:
            self.said = replace(self.said, lines=self.said.lines + chunk.count(b"\n") - counted)

    def _take(self, line: bytes, at: datetime | None) -> None:
        words = line if line in self.recent else _words(line)
        if words in self.recent:
            self.said = replace(self.said, lines=self.said.lines + 1)
        else:
            self.recent.append(words)
            self.said = Repetition(0, at)


def _words(line: bytes) -> bytes:
    return DIGITS.sub(b"#", line) if TROUBLE.search(line) else line
