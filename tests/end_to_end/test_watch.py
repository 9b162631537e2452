"""`reconcile --watch` and interruption, as a person at a terminal has them: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tests.conftest import Repo


def _start(repo: Repo, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "swarmgit", "reconcile", *args],
        cwd=repo.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ),
    )


def _wait_for(truth: Callable[[], bool], timeout_s: float = 40) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if truth():
            return True
        time.sleep(0.05)
    return False


def test_a_watching_reconciler_takes_up_a_task_that_is_committed_later(repo: Repo) -> None:
    repo.start()
    watcher = _start(repo, "--watch")
    try:
        repo.task("later")
        repo.commit()
        assert _wait_for(lambda: repo.landed() == ["later"])
    finally:
        watcher.send_signal(signal.SIGINT)
        out, _ = watcher.communicate(timeout=20)
    assert watcher.returncode == 130, out


def test_an_interrupt_leaves_sessions_running_and_says_how_to_stop_them(repo: Repo) -> None:
    repo.start()
    repo.task("slow", f"touch {repo.agents}/begun; sleep 2; echo done > slow.txt")
    repo.commit()
    first = _start(repo)
    assert _wait_for((repo.agents / "begun").exists)

    first.send_signal(signal.SIGINT)
    out, _ = first.communicate(timeout=20)

    assert first.returncode == 130, out
    assert "swarmgit stop" in out
    result = repo.reconcile()
    assert result.code == 0
    assert [a.outcome for a in repo.status("slow").attempts] == ["landed"]


def test_a_second_reconciler_says_who_leads_and_exits_with_1(repo: Repo) -> None:
    repo.start()
    repo.task("slow", f"touch {repo.agents}/begun; sleep 1.5; echo done > slow.txt")
    repo.commit()
    first = _start(repo)
    assert _wait_for((repo.agents / "begun").exists)

    second = repo.swarmgit("reconcile", check=False)

    assert second.returncode == 1
    assert f"pid {first.pid}" in second.stderr
    first.communicate(timeout=40)
    assert first.returncode == 0
