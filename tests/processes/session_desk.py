"""A desk to run real sessions of small shell and Python programs at."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from specs import agent_spec

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import LocalExecutor, tree
from swarmgit.model.endings import Stop
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job, StartSpec
from swarmgit.model.sessions import SessionSpec

STARTED = datetime(2026, 3, 4, 8, 12, tzinfo=UTC)


def session_spec(session: str) -> SessionSpec:
    return agent_spec(session, started=STARTED, minutes_max=1.0)


def start_spec(session: str, *argv: str, cwd: Path, setup: tuple[str, ...] = (), **env: str) -> StartSpec:
    return StartSpec(
        spec=session_spec(session),
        argv=argv,
        cwd=str(cwd),
        env={"PATH": "/usr/bin:/bin", "SWARM_SESSION": session, **env},
        setup=setup,
    )


@dataclass
class Desk:
    """An executor on a live folder of its own, and names of sessions that no other test uses."""

    live: Path
    cwd: Path
    executor: LocalExecutor
    prefix: str

    def name(self, name: str) -> SessionId:
        return SessionId(f"{self.prefix}-{name}")

    def spec(self, name: str, *argv: str, setup: tuple[str, ...] = (), **env: str) -> StartSpec:
        return start_spec(self.name(name), *argv, cwd=self.cwd, setup=setup, **env)

    def sh(self, name: str, script: str, setup: tuple[str, ...] = ()) -> SessionId:
        self.executor.start(self.spec(name, "/bin/sh", "-c", script, setup=setup))
        return self.name(name)

    def python(self, name: str, script: str) -> SessionId:
        self.executor.start(self.spec(name, sys.executable, "-S", "-c", script))
        return self.name(name)

    def job(self, session: SessionId) -> Job:
        return self.executor.poll([session])[session]

    def until(self, session: SessionId, *states: str) -> Job:
        wait(lambda: self.job(session).state in states)
        return self.job(session)

    def text(self, session: SessionId, name: str) -> str:
        return self.executor.read(session, name).decode()

    def adopted(self) -> Desk:
        """The next reconciler: knows nothing but the folder."""
        return Desk(self.live, self.cwd, LocalExecutor(self.live, SystemClock()), self.prefix)

    def processes(self, session: SessionId) -> list[tree.Process]:
        return tree.members(tree.Tree(session, str(self.live / "sessions" / session), None))

    def stop(self, session: SessionId, grace_s: float = 60.0) -> Job:
        """Ask as the tick does, until it is over, then make sure that nothing is left."""

        def is_over() -> bool:
            self.executor.cancel(session, Stop("a person asked"), grace_s)
            return self.job(session).state not in {"queued", "running"}

        wait(is_over)
        self.executor.reap(session)
        assert self.processes(session) == []
        return self.job(session)


def wait(is_true: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
