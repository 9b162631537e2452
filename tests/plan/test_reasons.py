"""Every unfinished task has a reason as a value, the same as its text; each kind happens, and its command is real."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from test_full_runs import landed_once
from test_governor import ENDED, ends_once, swarm_of
from test_holding import clash, holding
from test_incident_catalogue import parse
from test_lives import Chaos
from values import START, Life, fails, is_lost, life, never_ends, submits, task

from swarmgit.model.actions import Plan
from swarmgit.model.control import Freeze, QueueControl
from swarmgit.model.desired import Convoy, ConvoyBudget, PushConfig, SwarmBudget, WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Fault, Stream
from swarmgit.model.failures import FailedStep, Failures, Step, Try
from swarmgit.model.health import Vitals
from swarmgit.model.ids import CommitId, ConvoyId, SessionId, TaskId
from swarmgit.model.landings import TargetLanding
from swarmgit.model.reasons import REASONS, reason
from swarmgit.model.sessions import Session
from swarmgit.model.status import FINISHED
from swarmgit.model.usage import Usage
from swarmgit.model.work import Pushed
from swarmgit.plan import plan
from swarmgit.plan.incidents.kind import facts_in

A, B, BOTH = TaskId("a"), TaskId("b"), ConvoyId("both")
OF_VIEWS = {"landing gone", "state unreadable"}
"""Kinds that are seen from what has landed; tests/end_to_end/test_reasons_help.py makes them happen."""

SEVEN = FailedStep(Step("StartSession", A), "no fork", "no fork", START, START, count=7, tries=7)


@pytest.mark.parametrize("seed", range(200, 204))
def test_in_any_life_each_task_that_is_not_finished_has_the_reason_that_its_status_says(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(60):
        chaos.disturb()
        assert_said(chaos.life.tick_until_cut(None))


def assert_said(decided: Plan) -> None:
    open_tasks = {name: view for name, view in decided.views.items() if view.phase not in FINISHED}
    assert decided.reasons.keys() == open_tasks.keys()
    for name, view in open_tasks.items():
        why = decided.reasons[name]
        assert why.text == view.reason
        assert why.command
        assert why.if_ignored.endswith(".")
        is_at_work = why.kind in {"session", "other", "starting"}
        assert is_at_work or why.waits_for == view.waiting_for


@pytest.mark.parametrize("kind", REASONS)
def test_the_command_of_a_reason_is_a_real_one(kind: str) -> None:
    row = REASONS[kind]
    names = facts_in(row.command) | facts_in(row.if_ignored) | facts_in(row.waits_for or "")
    why = reason(kind, "x", **dict.fromkeys(names, "a"))
    program, *words = shlex.split(why.command)
    assert program in {"swarmgit", "git"}
    if program == "swarmgit":
        parse(words)


def held_back() -> Iterator[Plan]:
    for fields in (
        {"freeze": Freeze("pat", life().now)},
        {"target_head": None},
        {"unreachable": {("script", ""): "its sandbox has no network"}},
        {"ports": lambda count, taken: None},
    ):
        made = life(task("a"))
        made.see(**fields)
        yield made.tick()
    made = life(task("a", suspend=True), task("b"))
    made.control("b", paused=True, by="pat")
    yield made.tick()
    made.tasks = {A: task("a"), B: task("b", depends_on=(A,))}
    made.control("b")
    yield plan(made.desired, made.observed, made.now, frozenset({B}))
    yield made.tick()
    broken = life(task("a"))
    broken.held = frozenset({A})
    yield broken.tick()
    yield plan(made.desired, made.observed, made.now, held=frozenset({A}))


def places() -> Iterator[Plan]:
    made = life(task("a"), task("b", scope=task("a").scope), task("c"), ends=never_ends, swarm={"agents_max": 1})
    made.swarm = replace(made.swarm, watchdog=WatchdogConfig(WatchdogLimits(), swarm_disk_mb=10))
    yield made.tick()
    yield made.tick()
    (session,) = made.working()
    made._session(replace(session, vitals=Vitals(made.now, 1.0, 1.0, disk_mb=20.0)))
    yield made.tick()


def money() -> Iterator[Plan]:
    for swarm, fields in (
        ({"budget": SwarmBudget(usd_per_day=1.0)}, {}),
        ({"budget": SwarmBudget(usd_per_task=1.0)}, {}),
        ({}, {"budget": ConvoyBudget(usd=1.0)}),
    ):
        made = life(task("a", convoy=BOTH), task("b", convoy=BOTH), swarm={"agents_max": 1, **swarm})
        made.convoys = {BOTH: Convoy(BOTH, "Both", on_failure="continue", **fields)}
        made.ends = lambda session: {**fails(session), "stream": Stream(usage=Usage(9, usd=3.0))}
        yield from ticks(made)


def accounts() -> Iterator[Plan]:
    for fault, names in (
        (Fault("rate-limit", "slow down", wait_s=100), "ab"),
        (Fault("auth", "401"), "ab"),
        (Fault("transient", "529"), "a"),
    ):
        made = swarm_of("a", "b", "d", ends=ends_once(fault, *names))
        made.swarm = replace(made.swarm, agents_max=1)
        yield from ticks(made)

    def ends(session: Session) -> dict[str, Any]:
        stream = Stream(fault=Fault("rate-limit", "slow down", wait_s=1000), speaks_for="account")
        return {**ENDED, "stream": stream, "paths": ()} if session.spec.task == "a" else {}

    made = swarm_of("a", ends=ends)
    yield from ticks(made, 8)
    made.tasks |= {name: task(name) for name in (TaskId("b"), TaskId("c"))}
    yield from ticks(made)


def steps() -> Iterator[Plan]:
    made = life(task("a"))
    made.see(tries=(Try(SEVEN.step, made.now, "no fork", "no fork"),))
    yield made.tick()
    for kind in ("StartSession", "FinishSession"):
        made = life(task("a"), ends=never_ends)
        made.tick()
        made.tick()
        step = Step(kind, A, session=next(iter(made.observed.sessions), SessionId("s")))
        made.see(failures={"a": Failures("a", (replace(SEVEN, step=step, last=made.now),))})
        made.see(sessions={} if kind == "StartSession" else made.observed.sessions)
        made.ends = submits
        made.see(statuses={} if kind == "StartSession" else made.observed.statuses)
        yield from ticks(made, 3)


def gates_and_endings() -> Iterator[Plan]:
    yield from ticks(life(task("a"), answers=lambda gate, tree: "fail"))
    yield from ticks(landed_once(full_run_hours=24))
    red = landed_once()
    red.answers = lambda gate, tree: "fail" if tree == "tree of root+a" else "pass"
    red.tasks[B] = task("b")
    yield from ticks(red)
    red.tasks[TaskId("c")] = task("c")
    yield from ticks(red)
    for ends in (fails, is_lost):
        yield from ticks(life(task("a"), ends=ends))
    made = life(task("a"), conflicts=lambda name, onto: onto == "moved")
    made.swarm = replace(made.swarm, merge=replace(made.swarm.merge, tiers=("clean",)))
    made.see(queue_control=QueueControl(paused=True))
    yield from ticks(made)
    made.commit_by_hand("moved")
    made.see(queue_control=QueueControl())
    yield from ticks(made)
    made = life(task("a"), task("b", review="full"))
    made.see(landings={A: TargetLanding(CommitId("theirs"), 1)})
    yield from ticks(made)


def queue() -> Iterator[Plan]:
    made = life(task("a"))
    made.is_landing_blocked = True
    yield from ticks(made)
    made = holding(3, 1)
    clash(made, "t01", "t03")
    yield from ticks(made)
    made = holding(2)
    made.control("t02", paused=True)
    yield from ticks(made)
    for answer in (Pushed("rejected", "closed today"), None):
        made = life(task("a"), swarm={"push": PushConfig("origin")}, refuses=lambda push, said=answer: said)
        made.known_remote = CommitId("root")
        yield from ticks(made)
    made = life(task("a"), swarm={"push": PushConfig("origin")})
    made.known_remote = CommitId("root")
    while not any(entry.state == "landing" for entry in made.observed.entries.values()):
        yield made.tick()
    made.commit_by_hand("mine")
    made.remote_line, made.known_remote = [CommitId("root"), CommitId("theirs")], CommitId("theirs")
    yield from ticks(made)

    made = swarm_of("a", "b", ends=submits)
    clash(made, "a", "b")
    for _ in range(25):
        yield made.tick()
        made.see(merges={key: replace(tried, both=tried.conflicts) for key, tried in made.observed.merges.items()})


def ticks(made: Life, count: int = 25) -> Iterator[Plan]:
    for _ in range(count):
        yield made.tick()


HAPPENS: dict[Callable[[], Iterator[Plan]], str] = {
    held_back: "valid intent, freeze, paused, suspended, selection, target, dependency, network, ports, starting, other",
    places: "file ownership, disk, slot, session",
    money: "budget of the day, budget of the convoy, budget of the task",
    accounts: "retry, rate limit, credentials, account in doubt, refused, gates, in line",
    steps: "the machine, step, work not saved",
    gates_and_endings: "gates of the target, red target, full run, queue paused, no tier left, attempts, same ending, "
    "claimed, review",
    queue: "conflict, edit, convoy, convoy conflict, push, push refused, diverged",
}


@pytest.mark.parametrize("situation", HAPPENS)
def test_every_kind_of_reason_happens(situation: Callable[[], Iterator[Plan]]) -> None:
    found = set()
    for decided in situation():
        assert_said(decided)
        found |= {why.kind for why in decided.reasons.values()}
    assert set(HAPPENS[situation].split(", ")) - found == set()


def test_no_kind_of_reason_is_left_out() -> None:
    assert REASONS.keys() - {kind for kinds in HAPPENS.values() for kind in kinds.split(", ")} == OF_VIEWS
