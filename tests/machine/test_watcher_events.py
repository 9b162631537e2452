"""Level-triggered: watcher events may be lost, doubled or late; that costs a delay, never a wrong state."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from swarmgit.app.run import Options, TickReport, reconcile
from swarmgit.ports.machine import Doorbell
from tests.conftest import Repo
from tests.worlds import with_parts


class Silent:
    """A doorbell that never rings."""

    def wait(self, timeout_s: float) -> bool:
        time.sleep(timeout_s)
        return False

    def watch(self, folder: Path) -> None:
        pass

    def unwatch(self, folder: Path) -> None:
        pass

    def close(self) -> None:
        pass


class Mad:
    """A doorbell that rings all the time, or not at all, for no reason."""

    def __init__(self) -> None:
        self._dice = random.Random(1)

    def wait(self, timeout_s: float) -> bool:
        time.sleep(self._dice.choice([0, 0, 0.01, min(timeout_s, 0.3)]))
        return self._dice.random() < 0.5

    def watch(self, folder: Path) -> None:
        pass

    def unwatch(self, folder: Path) -> None:
        pass

    def close(self) -> None:
        pass


def ask(repo: Repo) -> None:
    repo.gates = [{"name": "check", "run": "! grep -q bad *.txt"}]
    repo.start()
    repo.task("a", "sleep 0.1; echo a > a.txt")
    repo.task("b", "cat a.txt > b.txt", depends_on=["a"])
    repo.task("c", 'if [ "$SWARM_ATTEMPT" = 1 ]; then echo bad > c.txt; else echo good > c.txt; fi')
    repo.commit()


@pytest.mark.slow
@pytest.mark.parametrize("bell", [Silent, Mad])
def test_lost_and_doubled_events_change_nothing_in_the_end(repo: Repo, bell: Callable[[], Doorbell]) -> None:
    ask(repo)
    world = repo.world(lead=True)
    with_parts(world.machine, doorbell=bell)

    result = reconcile(world, Options(timeout_s=60), lambda _: None, threading.Event())

    assert result.code == 0
    assert sorted(repo.landed()) == ["a", "b", "c"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_git_children_that_are_killed_are_started_again(repo: Repo) -> None:
    ask(repo)
    killed: list[int] = []

    def kill_git(report: TickReport) -> None:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # a thread, or a child, that has ended since it was listed
                for word in (thread / "children").read_text().split():
                    if report.number < 20 and Path(f"/proc/{word}/comm").read_text().strip() == "git":
                        os.kill(int(word), signal.SIGKILL)
                        killed.append(int(word))

    result = repo.reconcile(on_tick=kill_git)

    assert killed
    assert result.code == 0, result.reason
    assert sorted(repo.landed()) == ["a", "b", "c"]
