"""What sessions use of the machine, measured now and then."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.documents.as_json import from_session, to_json
from swarmgit.errors import SwarmError
from swarmgit.model.health import Vitals
from swarmgit.model.ids import SessionId
from swarmgit.model.sessions import Session
from swarmgit.observe.hearing import reason_of
from swarmgit.ports.sessions import Executor
from swarmgit.ports.world import ReadWorld

PERIOD_MAX_S = 15.0
PERIOD_MIN_S = 0.2
DISK_PERIODS = 4
"""The files of a worktree are counted so much more rarely than processes are looked at."""

MEASURED = frozenset({"agent", "merge"})
MEASURED_MAX = 4
"""Sessions measured in one tick: thirty at once would hold up everything else."""

MB = 1 << 20


class VitalsWatcher:
    """Measures live sessions, each once in a period, and leaves the figures in their folders for other processes.

    `writes`: who leaves it there for other processes; None: it is read as the reconciler has left it.
    """

    def __init__(self, world: ReadWorld, writes: Executor | None = None) -> None:
        self._world = world
        self._writes = writes
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
        if self._writes is not None and is_due and self._left_to_measure > 0:
            self._left_to_measure -= 1
            before = self._measured(session, before, now, period)
            with suppress(OSError):  # a folder that the session has made unusable
                self._writes.write(id_, paths.VITALS_FILE, to_json(before))
        self._known[id_] = before
        return replace(session, vitals=before)

    def _left(self, id_: SessionId) -> Vitals | None:
        try:
            return from_session(self._world.executor.read(id_, paths.VITALS_FILE, 0, 4096), Vitals)
        except ValueError:
            return None

    def _measured(self, session: Session, before: Vitals | None, now: datetime, period: timedelta) -> Vitals:
        """Return a session's vitals; what goes wrong with its processes or files is told, and nobody else's matter."""
        try:
            return self._measure(session, before, now, period)
        except Exception as error:  # noqa: BLE001  an agent makes the trees and processes that are looked at
            old = replace(before, at=now) if before is not None else Vitals(now, 0.0, 0.0)
            return old if isinstance(error, SwarmError) else replace(old, failed=reason_of(error))

    def _measure(self, session: Session, before: Vitals | None, now: datetime, period: timedelta) -> Vitals:
        id_, gap = session.spec.id, session.vigil.since if session.vigil is not None else None
        memory, cpu_s = self._world.executor.measure(id_)
        share = 0.0
        if before is not None and (before.at >= now or (gap is not None and before.at < gap)):
            share = before.cpu_share  # nobody knows for how long it could compute
        elif before is not None:
            share = max(0.0, cpu_s - before.cpu_s) / (now - before.at).total_seconds()
        disk_mb, uncounted = (before.disk_mb, before.uncounted) if before is not None else (None, "")
        if id_ not in self._disk_at or abs(now - self._disk_at[id_]) >= DISK_PERIODS * period:
            disk_mb, uncounted = self._disk(id_, now, disk_mb, uncounted)
        return Vitals(now, round(memory / MB, 1), round(cpu_s, 2), round(share, 3), disk_mb, uncounted)

    def _disk(self, id_: SessionId, now: datetime, known: float | None, why: str) -> tuple[float | None, str]:
        """Return what its files take, at least, and why that is not all; a large tree is counted over several looks."""
        try:
            use = self._world.executor.disk(id_, self._world.worktrees.path(id_))
        except SwarmError:
            return known, why
        used = round(use.used / MB, 1)
        if not use.is_whole:
            return max(used, known or 0.0), why
        self._disk_at[id_] = now
        return used, use.uncounted
