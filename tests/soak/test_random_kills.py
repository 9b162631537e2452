"""P4 over time: reconcilers, session wrappers and agents are killed at random instants, one by one or all at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from swarmgit.app.fsck import check
from tests.conftest import HOLD, Repo

ROUNDS = 12
TASKS = 8
LOST_MAX = 4
"""A task whose sessions are killed more often than this goes to a person, as it should: fewer kills than that."""


def start(repo: Repo) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "swarmgit", "reconcile", "-q", "--timeout", "120"],
        cwd=repo.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def sessions(repo: Repo) -> dict[int, str]:
    """Return the tasks of the agents that run, by the pid of their wrapper."""
    world = repo.world()
    try:
        found = world.executor.poll()
        return {j.pid: j.spec.task or "" for j in found.values() if j.pid and j.state == "running" and j.spec.agent}
    finally:
        world.close()


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_times_it_reaches_the_same_end(repo: Repo, seed: int) -> None:
    dice = random.Random(seed)
    runner = repo.agents / "run.sh"
    (repo.agents / "held").mkdir()
    repo.start({"shared.txt": "one\n"})
    runner.write_text(
        f'held="{repo.agents}/held/$SWARM_TASK" overlaps="{repo.agents}/overlaps"\n{HOLD}'
        f'/bin/sh "{repo.agents}/$SWARM_TASK.sh"\n'
    )
    for number in range(TASKS):
        after = {"depends_on": [f"t{number - 3}"]} if number >= 3 else {}
        repo.task(f"t{number}", f"sleep 0.{number + 1}; echo {number} > t{number}.txt", **after)
    repo.commit()
    killed: dict[str, int] = {}

    for _ in range(ROUNDS):
        leader = start(repo)
        time.sleep(dice.uniform(0.2, 1.5))
        whom = dice.choice(["reconciler", "wrapper", "agent", "all"])
        running = {pid: task for pid, task in sessions(repo).items() if killed.get(task, 0) < LOST_MAX}
        if whom in {"wrapper", "all"}:
            for pid, task in list(running.items())[: None if whom == "all" else 1]:
                killed[task] = killed.get(task, 0) + 1
                (kill_group if whom == "all" else _kill)(pid)
        if whom == "agent":
            for pid, task in list(running.items())[:1]:
                killed[task] = killed.get(task, 0) + 1
                for child in children(pid):
                    _kill(child)
        if whom in {"reconciler", "all"}:
            kill_group(leader.pid)
        else:
            time.sleep(dice.uniform(0, 0.3))
            kill_group(leader.pid)
        leader.wait()

    result = repo.reconcile(timeout_s=120)

    assert result.code == 0, result.reason
    assert repo.phases() == {f"t{n}": "landed" for n in range(TASKS)}
    assert sorted(repo.landed()) == [f"t{n}" for n in range(TASKS)]
    assert [repo.show(f"t{n}.txt") for n in range(TASKS)] == [str(n) for n in range(TASKS)]
    assert not (repo.agents / "overlaps").exists()
    world = repo.world()
    assert check(world).violations == ()
    assert world.worktrees.leases() == {}
    world.close()
    before = repo.git("for-each-ref")
    assert repo.reconcile().code == 0
    assert repo.git("for-each-ref") == before


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
