"""P8: `--timeout` and one interrupt end `reconcile` at once, also while an action works; the next one goes on from there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Repo

STEPS = ["StartSession", "FinishSession", "TryMerges", "Land", "record", "recorded", "Retire"]
LONG_S = 90
AT_ONCE_S = 20
"""Far less than the action takes, and far more than leaving does, also on a machine that has much to do."""

RECONCILE = """
import os, sys, threading, time
from pathlib import Path
from swarmgit.adapters.interrupt import end_process, on_interrupt
from swarmgit.app.run import Options, reconcile
from swarmgit.wiring import open_world

step, held, timeout_s = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])

def fault(name):
    if name == step and not held.exists():
        held.touch()
        time.sleep(LONG_S)

interrupted = threading.Event()
with on_interrupt(interrupted, "leaving"):
    world = open_world(Path.cwd(), os.environ, lead=True, fault=fault)
    result = reconcile(world, Options(timeout_s=timeout_s or None), lambda _: None, interrupted)
print(result.reason)
if result.is_hung:
    end_process(result.code)
sys.exit(result.code)
"""
RECONCILE = RECONCILE.replace("LONG_S", str(LONG_S))


@contextmanager
def reconciling(repo: Repo, step: str, timeout_s: float = 0) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start a reconcile of which the first step of a name takes very long; the path is there once it has begun."""
    held = repo.agents / "held"
    argv = [sys.executable, "-c", RECONCILE, step, str(held), str(timeout_s)]
    process = subprocess.Popen(argv, cwd=repo.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process, held
    finally:
        process.kill()
        process.communicate()


def one_task(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.commit()


@pytest.mark.default_cases("Land")
@pytest.mark.parametrize("step", STEPS)
def test_one_interrupt_ends_it_while_an_action_works(repo: Repo, step: str) -> None:
    # given an action that takes very long
    one_task(repo)
    with reconciling(repo, step) as (process, held):
        while not held.exists():
            assert process.poll() is None
            time.sleep(0.05)

        # when it is interrupted once
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=AT_ONCE_S)

    # then it has ended, and the next one comes to the same end as without that
    assert process.returncode == 130
    assert "interrupted" in said
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("step", ["StartSession", "Land"])
def test_a_timeout_ends_it_while_an_action_works(repo: Repo, step: str) -> None:
    one_task(repo)
    with reconciling(repo, step, timeout_s=6) as (process, held):
        said, _ = process.communicate(timeout=6 + AT_ONCE_S)

    assert held.exists()
    assert process.returncode == 1
    assert "not settled after 6 s" in said
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]


def test_no_program_that_works_in_the_background_outlives_who_leads(repo: Repo) -> None:
    # given something in the background that does not end, as a git at work on a very large tree
    one_task(repo)
    world = repo.world(lead=True)
    began: list[subprocess.Popen[bytes]] = []

    def work() -> int:
        began.append(subprocess.Popen(["sleep", str(LONG_S)]))
        return began[0].wait()

    world.background.run("long", "work", work)
    while not began:
        time.sleep(0.01)

    # when who leads leaves
    world.close()

    # then it has ended
    assert began[0].wait(AT_ONCE_S) == -signal.SIGTERM
