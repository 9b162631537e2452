"""Three tasks by three real agent programs in one swarm, and the reconciler killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from real_programs import REAL, Real, times, use

from swarmgit.model.trailers import parse
from tests.conftest import Repo
from tests.model_server.script import Say, Wait, Write
from tests.model_server.server import ModelServer

pytestmark = [pytest.mark.real_cli, pytest.mark.timeout(240)]
BY_NAME = {real.adapter: real for real in REAL}
THREE = ("claude-code", "codex", "gemini")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def test_three_programs_land_in_one_swarm_whose_reconciler_is_killed(
    repo: Repo, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a task for each of three real programs, with models that take their time
    reals = [BY_NAME[name] for name in THREE]
    for real in reals:
        turns = (Wait(2, Write(f"{real.program}.txt", f"by {real.program}\n")), Wait(1, Say("done")))
        use(real, repo, server, monkeypatch, *turns)
        repo.task(real.program, runtime=real.adapter, model=real.model)
    repo.start()

    # when the reconciler is killed while all three are at work, and started again
    leader = subprocess.Popen([sys.executable, "-m", "swarmgit", "reconcile"], cwd=repo.root, start_new_session=True)
    deadline = time.monotonic() + 60
    while not all(server.seen(name) for name in THREE) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()
    repo.reconcile(timeout_s=120)

    # then each has landed once, in one session, with its files, its trailers, its usage and its price
    assert sorted(repo.landed()) == sorted(real.program for real in reals)
    for real in reals:
        assert_landed(repo, server, real)


def assert_landed(repo: Repo, server: ModelServer, real: Real) -> None:
    status = repo.status(real.program)
    assert repo.show(f"{real.program}.txt") == f"by {real.program}"
    (attempt,) = status.attempts
    said = parse(repo.git("log", "-1", "--format=%B", str(status.landed_commit)))
    assert (said["task"], said["session"], said["model"]) == (real.program, attempt.session, real.model)
    assert attempt.usage.tokens == times(real.turn, len(server.seen(real.adapter))).tokens
    assert attempt.usage.usd
