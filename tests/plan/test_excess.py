"""What a session writes is bounded: who is stopped for more, what its attempt comes to, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from values import Life, is_lost, life, submits, task

from swarmgit.model.actions import StopSession
from swarmgit.model.desired import Budget
from swarmgit.model.endings import LOST_FREE_MAX, Stop, used_up
from swarmgit.model.health import Excess, Vitals
from swarmgit.model.policy import Limits, Policy
from swarmgit.model.sessions import Session
from swarmgit.plan.excess import UNHEARD

OUTPUT = Excess("output", 4 << 20, 4 << 20)
DISK = Excess("disk", 90 << 20, 50 << 20)


def ending(**fields: Any) -> Any:
    return lambda session: {**submits(session), **fields}


def at_work(made: Life, **fields: Any) -> Session:
    """Let the one session at work be seen so."""
    made.ends = lambda _: {}
    for _ in range(3):
        made.tick()
    (session,) = made.working()
    made.see(sessions={session.spec.id: replace(session, **fields)})
    return session


def stops(made: Life) -> list[StopSession]:
    return [action for action in made.decide().actions if isinstance(action, StopSession)]


@pytest.mark.parametrize("found", [OUTPUT, DISK])
def test_a_session_that_wrote_more_than_it_may_is_stopped_and_told_which_limit(found: Excess) -> None:
    made = life(task("a"))
    at_work(made, excess=found)

    (stop,) = stops(made)

    assert stop.stop == Stop(found.sentence, "limit")
    assert stop.excess == found
    assert "limits.disk_gb in .swarm/policy.yaml" in found.sentence or "limits.output_mb" in found.sentence


@pytest.mark.parametrize(("found", "outcome"), [(OUTPUT, "output-limit"), (DISK, "disk-limit")])
@pytest.mark.parametrize("code", [0, 1, 137, 141])
def test_its_attempt_is_charged_whatever_it_ended_with_and_the_next_goes_on_with_its_work(
    found: Excess, outcome: str, code: int
) -> None:
    made = life(task("a"))
    made.ends = ending(excess=found, exit_code=code)
    made.tick()
    made.tick()
    made.ends = submits
    made.settle()

    first, *_, last = made.observed.statuses["a"].attempts

    assert (first.outcome, last.outcome) == (outcome, "landed")
    assert first.reason == found.sentence
    assert first.rejection is not None
    assert used_up([first.outcome]) == 1


def test_what_was_measured_counts_where_no_wall_looks_at_it() -> None:
    made = life(task("a"))
    made.policy = Policy(limits=Limits(disk_gb=0.05))
    at_work(made, vitals=Vitals(made.now, 1.0, 1.0, 0.0, disk_mb=60.0))

    (stop,) = stops(made)

    assert stop.excess == Excess("disk", 60 << 20, int(0.05 * (1 << 30)))


def test_less_than_the_limit_stops_nobody() -> None:
    made = life(task("a"))
    made.policy = Policy(limits=Limits(disk_gb=0.05))
    at_work(made, vitals=Vitals(made.now, 1.0, 1.0, 0.0, disk_mb=50.0))

    assert stops(made) == []


def test_a_session_that_nobody_hears_is_stopped_and_lost() -> None:
    made = life(task("a"))
    at_work(made, is_unheard=True)
    (stop,) = stops(made)
    assert stop.stop == Stop(UNHEARD, "unheard")

    made = life(task("a"))
    made.ends = ending(is_unheard=True, stop=Stop(UNHEARD, "unheard"), exit_code=143)
    made.tick()
    made.tick()
    made.ends = submits
    made.settle()

    first, last = made.observed.statuses["a"].attempts
    assert (first.outcome, first.reason, last.outcome) == ("lost", UNHEARD, "landed")


def test_lost_sessions_use_up_attempts_but_for_the_first_two() -> None:
    made = life(task("a", budget=Budget(attempts=2)))
    made.ends = is_lost
    made.settle()

    status = made.observed.statuses["a"]

    assert [attempt.outcome for attempt in status.attempts] == ["lost"] * (LOST_FREE_MAX + 2)
    assert status.phase == "failed"
    assert used_up(["lost"] * LOST_FREE_MAX) == 0
    assert used_up(["lost", "rejected", "lost", "lost"]) == 2
