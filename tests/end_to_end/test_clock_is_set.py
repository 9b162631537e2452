"""A machine's clock is set while real agents and gates are at work: what is done counts, and fsck stays sound."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from swarmgit.adapters.clock import SystemClock
from swarmgit.app.fsck import check
from swarmgit.app.run import TickReport
from tests.conftest import Repo

YEARS = timedelta(days=800)


class SetClock:
    """The machine's clock, with what somebody has set it forward or back by."""

    ahead = timedelta(0)
    awake_s = SystemClock().awake_s

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def set_when(repo: Repo, clock: SetClock, jump: timedelta, state: str):
    """Return what sets the clock as soon as an entry of the queue is in this state."""

    def on_tick(report: TickReport) -> None:
        entries = report.look.observed.entries.values()
        if not clock.ahead and any(entry.state == state for entry in entries):
            clock.ahead = jump

    repo.clock = clock
    return on_tick


@pytest.mark.default_cases("landing--1 day*", "queued-800*")
@pytest.mark.parametrize("jump", [-YEARS, -timedelta(hours=3), YEARS], ids=str)
@pytest.mark.parametrize("state", ["queued", "landing"])
def test_a_clock_that_is_set_between_gate_and_landing_breaks_no_promise(
    repo: Repo, jump: timedelta, state: str
) -> None:
    repo.start()
    repo.task("one")
    repo.task("two", depends_on=["one"])
    repo.commit()
    clock = SetClock()

    result = repo.reconcile(on_tick=set_when(repo, clock, jump, state))

    assert clock.ahead == jump
    assert result.code == 0, result.reason
    assert repo.landed() == ["one", "two"]
    world = repo.world()
    assert check(world).violations == ()
    world.close()


def test_a_swarm_goes_on_after_the_clock_was_set_back_between_two_runs(repo: Repo) -> None:
    repo.start()
    repo.task("one", "test $SWARM_ATTEMPT = 2 && echo one > one.txt")
    repo.commit()
    clock = SetClock()
    clock.ahead = YEARS
    repo.clock = clock
    for _ in range(3):
        repo.reconcile(mode="once")
    clock.ahead = timedelta(0)

    result = repo.reconcile()

    assert result.code == 0, result.reason
    assert repo.landed() == ["one"]
    assert repo.swarmgit("fsck").returncode == 0
