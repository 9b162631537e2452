"""Whatever a test leaves running is killed by its marker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from session_desk import Desk

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import LocalExecutor, tree


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """As `reconcile` does: a signal that is ignored here, as in the background of a shell, stays ignored below."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    cwd = tmp_path / "worktree"
    cwd.mkdir()
    live = tmp_path / "live"
    desk = Desk(live, cwd, LocalExecutor(live, SystemClock()), f"t{os.getpid()}x{time.monotonic_ns() % 10**9}")
    yield desk
    for folder in (live / "sessions").glob("*"):
        for _ in range(50):
            if not tree.kill(tree.Tree(folder.name, str(folder), None)):
                break
            time.sleep(0.01)
    desk.executor.poll()
