"""A clock that is set, back or forward, by hours or years, at any instant: nothing hangs, lands twice or is forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from values import Life, entry_of, fails, life, never_ends, submits, task

from swarmgit.model.actions import RunGate, StartPush, StartSession
from swarmgit.model.desired import PushConfig
from swarmgit.model.events import Fault, Stream
from swarmgit.model.failures import FailedStep, Failures, Step, Try
from swarmgit.model.ids import TaskId
from swarmgit.model.sessions import Session
from swarmgit.model.work import Pushed
from tests.plan.values import saved

YEARS, HOURS = timedelta(days=800), timedelta(hours=5)
KEEPING = {"retention_days": 100_000}
"""Nothing leaves the hot folders: what is asked here is what becomes of work, not of finished files."""

JUMPS = [-YEARS, -HOURS, -timedelta(seconds=30), HOURS, YEARS]
jumps = pytest.mark.parametrize("jump", JUMPS, ids=str)


def limited(session: Session) -> dict:
    """The provider says once that this comes too fast, for a minute."""
    if session.spec.attempt > 1:
        return submits(session)
    fault = Fault("rate-limit", "slow down", wait_s=60.0)
    return {"exit_code": 1, "paths": (), "stream": Stream(fault=fault)}


def cut_off(session: Session) -> dict:
    if session.spec.attempt > 1:
        return submits(session)
    return {"exit_code": 1, "paths": (), "stream": Stream(fault=Fault("transient", "overloaded"))}


def fails_once(session: Session) -> dict:
    return submits(session) if session.spec.attempt > 1 else fails(session)


def tick_on(made: Life, ticks: int) -> None:
    for _ in range(ticks):
        made.tick()


@jumps
@pytest.mark.parametrize("at", [1, 3, 5, 8])
@pytest.mark.parametrize("ends", [submits, fails_once, limited, cut_off], ids=lambda each: each.__name__)
def test_every_task_lands_once_whenever_the_clock_is_set(jump: timedelta, at: int, ends) -> None:
    made = life(task("a"), task("b"), task("c", depends_on=("a",)), ends=ends, swarm=KEEPING)
    tick_on(made, at)
    made.now += jump
    made.settle(300)
    assert made.phases() == dict.fromkeys("abc", "landed")
    assert sorted(made.landed()) == ["a", "b", "c"]
    assert len(set(made.line)) == len(made.line)


@jumps
def test_a_clock_that_is_set_again_and_again_only_delays(jump: timedelta) -> None:
    made = life(task("a"), task("b"), ends=fails_once, swarm=KEEPING)
    for _ in range(20):
        made.tick()
        made.now += jump
        jump = -jump
    made.settle()
    assert sorted(made.landed()) == ["a", "b"]


def test_a_pause_ends_in_time_although_the_clock_was_set_back_in_it() -> None:
    made = life(task("a"), ends=limited)
    tick_on(made, 6)
    assert made.status("a").last.outcome == "rate-limited"
    made.now -= YEARS
    tick_on(made, 3)
    assert made.started().count("a") == 2


def test_a_pause_that_is_not_over_is_kept_where_the_clock_is_right() -> None:
    made = life(task("a"), ends=limited)
    tick_on(made, 12)
    assert made.started().count("a") == 1


@pytest.mark.parametrize("jump", [-YEARS, -HOURS], ids=str)
def test_a_start_that_was_cut_off_is_made_again_although_the_clock_was_set_back(jump: timedelta) -> None:
    made = life(task("a"), ends=never_ends)
    tick_on(made, 2)
    (session,) = made.working()
    made._session(Session.of(session.spec, "starting"))
    made.now += jump
    assert any(isinstance(action, StartSession) for action in made.decide().actions)


def red_once() -> tuple[Life, list[str]]:
    """Return a swarm whose gate answers red once on the merged tree; and what it has said."""
    said: list[str] = []

    def answers(gate: str, tree: str) -> str:
        said.append("fail" if "+" in tree and "fail" not in said else "pass")
        return said[-1]

    return life(task("a"), answers=answers, swarm=KEEPING), said


@jumps
@pytest.mark.parametrize("at", [4, 6, 8])
def test_a_flake_is_run_again_whenever_the_clock_is_set(jump: timedelta, at: int) -> None:
    made, said = red_once()
    tick_on(made, at)
    made.now += jump
    made.settle()
    assert made.landed() == ["a"]
    assert len(said) < 8, "a tree that was red is not run for ever"


@jumps
def test_a_gate_that_stays_red_is_run_a_bounded_number_of_times(jump: timedelta) -> None:
    made = life(task("a"), answers=lambda gate, tree: "fail" if "+" in tree else "pass", swarm=KEEPING)
    made.now += jump
    tick_on(made, 4)
    made.now -= jump
    made.settle()
    assert made.landed() == []
    assert sum(isinstance(action, RunGate) for action in made.did) < 40


@pytest.mark.parametrize("jump", [-YEARS, -HOURS], ids=str)
def test_an_old_red_answer_from_the_future_does_not_count_after_reconcile_is_started_again(jump: timedelta) -> None:
    made = life(task("a"), answers=lambda gate, tree: "fail" if tree == "tree of a" else "pass")
    made.settle()
    assert made.phases() == {"a": "failed"}
    made.now += jump
    made.see(trusted_since=made.now)
    made.answers = lambda gate, tree: "pass"
    made.control("a", restart="r1")
    made.settle()
    assert made.phases() == {"a": "landed"}


@jumps
def test_the_last_push_is_the_last_one_whatever_the_clock_said(jump: timedelta) -> None:
    made = life(task("a"), swarm={"push": PushConfig("origin"), **KEEPING})
    made.refuses = lambda push: Pushed("rejected", "a hook says no")
    tick_on(made, 14)
    before = sum(isinstance(action, StartPush) for action in made.did)
    assert before
    made.now += jump
    tick_on(made, 20)
    assert sum(isinstance(action, StartPush) for action in made.did) - before <= 6
    made.refuses = lambda push: None
    made.see(trusted_since=made.now)
    made.settle()
    assert made.landed() == ["a"]
    assert entry_of(made, "a").landed_commit in made.remote_line


def fail(made: Life, kind: str) -> FailedStep:
    """Let a step of task a fail now, and return how the plan counts it."""
    made.see(tries=(Try(Step(kind, TaskId("a")), made.now, "no fork", "no fork"),))
    (known,) = saved(made.decide().actions, Failures)
    made.see(failures={"a": known}, tries=())
    return known.steps[0]


def test_after_the_clock_was_set_back_a_step_that_fails_is_counted_and_waits() -> None:
    # given a step that failed a few times
    made = life(task("a"))
    for _ in range(3):
        fail(made, "StartSession")
        made.now += timedelta(seconds=10)

    # when the clock is set back and it fails on
    made.now -= HOURS
    counts, waits = [], []
    for _ in range(3):
        counted = fail(made, "StartSession")
        counts.append(counted.count)
        waits.append(any(isinstance(action, StartSession) for action in made.decide().actions))
        made.now += timedelta(seconds=10)

    # then each failure is counted, and none is tried again at once
    assert counts == [4, 5, 6]
    assert waits == [False] * 3
