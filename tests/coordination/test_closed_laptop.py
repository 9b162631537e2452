"""Real sessions on a machine whose clock jumps by hours while they stand still, or whose reconciler was away."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from swarmgit.app.run import Options, Result, reconcile
from tests.conftest import Repo
from tests.worlds import with_parts

HOURS = timedelta(hours=3)
STEPS = "n=0; while [ $n -lt 7 ]; do echo step $n; sleep 1; n=$((n+1)); done"


class Lid:
    """A clock that a test moves. Where `is_awake` the clock that stands still in sleep goes on with it."""

    def __init__(self, *, is_awake: bool) -> None:
        self.is_awake = is_awake
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def awake_s(self) -> float:
        return time.monotonic() + (self.ahead.total_seconds() if self.is_awake else 0.0)


def run(repo: Repo, lid: Lid, timeout_s: float) -> Result:
    world = repo.world(lead=True)
    with_parts(world, executor=world.executor, clock=lid)
    try:
        return reconcile(world, Options(timeout_s=timeout_s), lambda _: None, threading.Event())
    finally:
        world.close()


def prepare(repo: Repo) -> None:
    repo.start()
    repo.swarm |= {"attempts_max": 1, "watchdog": {"silence_minutes": 5, "patience_minutes": 1}}
    repo.gates = [{"name": "check", "run": "sleep 3", "timeout_minutes": 5}]
    repo.configure()
    repo.task("steps", f"{STEPS}; echo s > steps.txt")
    repo.task("thinks", "sleep 7; echo t > thinks.txt")
    repo.task("quick")
    repo.commit()


@pytest.mark.slow
def test_a_closed_laptop_costs_nobody_an_attempt(repo: Repo) -> None:
    prepare(repo)
    lid = Lid(is_awake=False)

    def close() -> None:
        lid.ahead = HOURS

    timer = threading.Timer(3.5, close)  # two agents and a gate are at work
    timer.start()
    try:
        assert run(repo, lid, HOURS.total_seconds() + 60).code == 0
    finally:
        timer.join()
    assert repo.phases() == {"quick": "landed", "steps": "landed", "thinks": "landed"}
    assert [len(repo.status(name).attempts) for name in repo.phases()] == [1, 1, 1]
    assert "no incidents" in repo.swarmgit("incident", "list").stdout


@pytest.mark.slow
@pytest.mark.parametrize("is_awake", [True, False])
def test_sessions_outlive_a_reconciler_that_was_away_for_hours(repo: Repo, is_awake: bool) -> None:
    prepare(repo)
    lid = Lid(is_awake=is_awake)
    if is_awake:  # they were at work for so long, and that counts
        repo.swarm["minutes_per_session"] = 600
        repo.configure()
        repo.commit()
    assert "not settled" in run(repo, lid, 2).reason
    lid.ahead = HOURS
    assert run(repo, lid, 60).code == 0
    assert repo.phases() == {"quick": "landed", "steps": "landed", "thinks": "landed"}
    assert "no incidents" in repo.swarmgit("incident", "list").stdout
