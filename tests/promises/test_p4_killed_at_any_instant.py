"""P4: whatever is killed, the next reconcile reaches the same end, no task runs twice at once, nothing lands twice.

Here with real processes and few kills; tests/crash tries every step and many system calls, tests/soak random times.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swarmgit.errors import PersonMustAct
from tests.conftest import Repo


def start_reconcile(repo: Repo) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "swarmgit", "reconcile", "--timeout", "60"],
        cwd=repo.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(path: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.02)


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_sessions_go_on_when_the_reconciler_dies_and_the_next_one_adopts_them(repo: Repo) -> None:
    repo.start()
    repo.task("it", f'echo "$SWARM_SESSION" >> {repo.agents}/started; sleep 1.5; echo it > it.txt')
    repo.commit()
    first = start_reconcile(repo)
    wait_for(repo.agents / "started")
    kill(first)

    assert repo.reconcile().code == 0

    assert len((repo.agents / "started").read_text().splitlines()) == 1
    assert len(repo.status("it").attempts) == 1
    assert repo.landed() == ["it"]


@pytest.mark.slow
def test_a_second_reconcile_leaves_with_1_and_names_the_holder(repo: Repo) -> None:
    repo.start()
    repo.task("it", f"touch {repo.agents}/started; sleep 3; echo it > it.txt")
    repo.commit()
    first = start_reconcile(repo)
    try:
        wait_for(repo.agents / "started")
        second = repo.swarmgit("reconcile", check=False)
        assert second.returncode == 1
        assert f"pid {first.pid}" in second.stderr
        assert "reconcile" in second.stderr
        with pytest.raises(PersonMustAct, match=f"pid {first.pid}"):
            repo.reconcile()
        # and looking works all the while
        assert repo.swarmgit("status").returncode == 0
        out, err = first.communicate(timeout=60)
        assert first.returncode == 0, out + err
    finally:
        if first.poll() is None:
            kill(first)
    assert repo.landed() == ["it"]


@pytest.mark.slow
def test_an_interrupted_reconcile_says_so_and_leaves_the_sessions_alone(repo: Repo) -> None:
    repo.start()
    repo.task("it", f"touch {repo.agents}/started; sleep 2; echo it > it.txt")
    repo.commit()
    first = start_reconcile(repo)
    wait_for(repo.agents / "started")
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=30)
    assert first.returncode == 130
    assert "session" in (out + err).lower()

    assert repo.reconcile().code == 0

    assert len(repo.status("it").attempts) == 1
    assert repo.landed() == ["it"]


@pytest.mark.slow
def test_everything_killed_at_once_comes_to_the_same_end(repo: Repo) -> None:
    repo.start()
    repo.task("it", f'touch {repo.agents}/started; [ "$SWARM_ATTEMPT" = 1 ] && sleep 60; echo it > it.txt')
    repo.task("after", "cat it.txt > after.txt", depends_on=["it"])
    repo.commit()
    first = start_reconcile(repo)
    wait_for(repo.agents / "started")
    world = repo.world()
    pids = [job.pid for job in world.executor.poll().values() if job.pid]
    world.close()
    kill(first)
    for pid in pids:
        os.killpg(pid, signal.SIGKILL)

    assert repo.reconcile().code == 0

    assert [a.outcome for a in repo.status("it").attempts] == ["lost", "landed"]
    assert repo.landed() == ["it", "after"]
