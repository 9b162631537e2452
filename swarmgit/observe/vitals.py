"""What sessions use of the machine, and whether their output says anything new. Measured now and then."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.documents.state import from_json, to_json
from swarmgit.errors import SwarmError
from swarmgit.model.health import Repetition, Vitals
from swarmgit.model.ids import SessionId
from swarmgit.model.work import Session
from swarmgit.ports import Executor, Worktrees

PERIOD_MAX_S = 15.0
PERIOD_MIN_S = 0.2
DISK_PERIODS = 4
"""The files of a worktree are counted so much more rarely than processes are looked at."""

BLOCK_LINES_MAX = 6
"""A line that is one of so many different ones before it says nothing new."""

MEASURED = frozenset({"agent", "merge"})
MEASURED_MAX = 4
"""Sessions measured in one tick: thirty at once would hold up everything else."""

LINE_BYTES_MAX = 4096
MB = 1 << 20


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
        *lines, rest = (self.partial.get(stream, b"") + chunk).split(b"\n")
        self.partial[stream] = rest[:LINE_BYTES_MAX]
        for line in lines:
            self._take(line.strip()[:LINE_BYTES_MAX], at)
        if is_first:
            self.said = Repetition(0, at)

    def _take(self, line: bytes, at: datetime | None) -> None:
        words = line if line in self.recent else _words(line)
        if words in self.recent:
            self.said = replace(self.said, lines=self.said.lines + 1)
        else:
            self.recent.append(words)
            self.said = Repetition(0, at)


def _words(line: bytes) -> bytes:
    return DIGITS.sub(b"#", line) if TROUBLE.search(line) else line


class VitalsWatcher:
    """Measures live sessions, each once in a period, and leaves the figures in their folders for other processes.

    One that does not measure (`measures` False) reads what the reconciler has left there.
    """

    def __init__(self, executor: Executor, worktrees: Worktrees, *, measures: bool) -> None:
        self._executor = executor
        self._worktrees = worktrees
        self._measures = measures
        self._left_to_measure = 0
        self._known: dict[SessionId, Vitals | None] = {}
        self._disk_at: dict[SessionId, datetime] = {}

    def measured(self, sessions: Iterable[Session], now: datetime, silence: timedelta) -> dict[SessionId, Session]:
        """Return the sessions, those that run with their vitals; `silence`: the limit that they are measured for."""
        period = timedelta(seconds=max(PERIOD_MIN_S, min(PERIOD_MAX_S, silence / timedelta(seconds=10))))
        self._left_to_measure = MEASURED_MAX
        found = {session.spec.id: self._with_vitals(session, now, period) for session in sessions}
        for gone in self._known.keys() - found.keys():
            del self._known[gone]
            self._disk_at.pop(gone, None)
        return found

    def _with_vitals(self, session: Session, now: datetime, period: timedelta) -> Session:
        id_ = session.spec.id
        if (
            session.spec.kind not in MEASURED
            or session.state != "running"
            or timedelta(0) <= now - session.spec.started < period
        ):
            return session
        before = self._known[id_] if id_ in self._known else self._left(id_)
        is_due = before is None or abs(now - before.at) >= period
        if self._measures and is_due and self._left_to_measure > 0:
            self._left_to_measure -= 1
            before = self._measure(session, before, now, period)
            with suppress(OSError):  # a folder that the session has made unusable
                self._executor.write(id_, paths.VITALS_FILE, to_json(before))
        self._known[id_] = before
        return replace(session, vitals=before)

    def _left(self, id_: SessionId) -> Vitals | None:
        try:
            return from_json(self._executor.read(id_, paths.VITALS_FILE, 0, 4096), Vitals)
        except ValueError:
            return None

    def _measure(self, session: Session, before: Vitals | None, now: datetime, period: timedelta) -> Vitals:
        id_, gap = session.spec.id, session.vigil.since if session.vigil is not None else None
        memory, cpu_s = self._executor.measure(id_)
        share = 0.0
        if before is not None and (before.at >= now or (gap is not None and before.at < gap)):
            share = before.cpu_share  # nobody knows for how long it could compute
        elif before is not None:
            share = max(0.0, cpu_s - before.cpu_s) / (now - before.at).total_seconds()
        disk_mb = before.disk_mb if before is not None else None
        if id_ not in self._disk_at or abs(now - self._disk_at[id_]) >= DISK_PERIODS * period:
            self._disk_at[id_] = now
            disk_mb = self._disk_mb(id_)
        return Vitals(now, round(memory / MB, 1), round(cpu_s, 2), round(share, 3), disk_mb)

    def _disk_mb(self, id_: SessionId) -> float | None:
        try:
            used = self._executor.disk(id_, self._worktrees.path(id_))
        except SwarmError:
            return None
        return None if used is None else round(used / MB, 1)
