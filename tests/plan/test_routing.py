"""Who gets a task: the best lower bound, with a guess to start from, some exploration, load and pins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from swarmgit.model.desired import Scope, Task
from swarmgit.model.ids import AgentName, TaskId
from swarmgit.model.sessions import Session
from swarmgit.model.status import Identity, TaskStatus
from swarmgit.plan import cv
from swarmgit.plan.bounds import are_apart, mean_interval, student, wilson
from swarmgit.plan.routing import Route, is_explored, route
from swarmgit.plan.situation import Draft, Situation
from tests.plan.values import START, SWARM, life, strays, submits, task

API = task("api", scope=Scope(owns=("src/api.py",)), path="x")
KIND = "implement/src"


def agent(name: str, won: int = 0, lost: int = 0, kind: str = KIND, role: str = "builder") -> Identity:
    table = {kind: {"completed": won, "rejected": lost}}
    return Identity(AgentName(name), role, datetime(2026, 1, 1, tzinfo=UTC), by_kind=table)


def routed(
    *known: Identity,
    asked: Task = API,
    busy: tuple[str, ...] = (),
    status: TaskStatus | None = None,
    share: float = 0.0,
    **views: TaskStatus,
) -> Route:
    made = life(asked, swarm={"explore_share": share, "agents_max": 3})
    made.see(identities={each.name: each for each in known})
    situation = Situation.of(made.desired, made.swarm, made.observed, START, frozenset(), apply_now=False)
    draft = Draft(views={TaskId(name): view for name, view in views.items()})
    given = status or TaskStatus(asked.id, asked.title)
    return route(situation, draft, asked, given, frozenset(AgentName(name) for name in busy))


def test_the_best_record_gets_the_task() -> None:
    assert routed(agent("builder-01", 3, 3), agent("builder-02", 6, 0)).agent == "builder-02"


def test_many_attempts_at_a_good_rate_count_more_than_one_at_a_perfect_rate() -> None:
    assert routed(agent("builder-01", 1, 0), agent("builder-02", 18, 2)).agent == "builder-02"


def test_somebody_new_stands_below_who_has_succeeded_and_above_who_has_failed() -> None:
    assert routed(agent("builder-01", 2, 0)).agent == "builder-01"
    assert routed(agent("builder-01", 0, 2)).agent == "builder-02"


def test_there_are_no_more_names_than_may_be_at_work() -> None:
    known = [agent(f"builder-0{number}", 0, 5) for number in (1, 2, 3)]
    assert {each.agent for each in routed(*known).candidates} == {"builder-01", "builder-02", "builder-03"}


def test_where_everybody_known_is_at_work_there_is_a_new_name() -> None:
    known = [agent(f"builder-0{number}", 5, 0) for number in (1, 2, 3)]
    assert routed(*known, busy=("builder-01", "builder-02", "builder-03")).agent == "builder-04"


def test_the_record_for_this_kind_of_work_counts_and_related_work_a_little() -> None:
    elsewhere = agent("builder-01", 9, 0, kind="implement/docs")
    here = agent("builder-02", 9, 0)
    assert routed(elsewhere, here).agent == "builder-02"
    unrelated = agent("builder-02", 9, 0, kind="test/docs")
    assert routed(unrelated, elsewhere).agent == "builder-01"


def test_another_role_is_no_candidate() -> None:
    found = routed(agent("planner-01", 9, 0, role="planner"))
    assert [each.agent for each in found.candidates] == ["builder-01"]


def test_a_pinned_agent_gets_its_task_or_is_waited_for() -> None:
    pinned = replace(API, agent=AgentName("builder-07"))
    assert routed(agent("builder-01", 9, 0), asked=pinned).agent == "builder-07"
    waiting = routed(asked=pinned, busy=("builder-07",))
    assert (waiting.agent, waiting.reason) == (None, "its agent builder-07 is at work")


def test_work_that_waits_in_an_agents_name_counts_against_it() -> None:
    made = life(task("one"))
    made.settle()
    attempts = made.status("one").attempts
    waiting = {f"t{n}": TaskStatus(TaskId(f"t{n}"), "", phase="queued", attempts=attempts) for n in range(3)}
    assert attempts[0].agent == "builder-01"
    assert routed(agent("builder-01", 4, 0), agent("builder-02", 4, 0), **waiting).agent == "builder-02"


def test_rework_goes_to_the_agent_that_knows_the_task() -> None:
    made = life(task("one"), ends=strays)
    for _ in range(4):
        made.tick()
    assert len({attempt.agent for attempt in made.status("one").attempts}) == 1


def test_who_could_not_do_it_does_not_get_it_again() -> None:
    given = TaskStatus(API.id, "", taken_from=(AgentName("builder-01"),))
    assert routed(agent("builder-01", 9, 0), status=given).agent == "builder-02"


def test_a_share_of_the_tasks_goes_to_the_least_known_and_always_the_same_tasks() -> None:
    found = routed(agent("builder-01", 9, 0), agent("builder-02", 1, 0), share=1.0)
    assert (found.agent, found.is_exploring) == ("builder-03", True)
    explored = [name for name in range(2000) if is_explored(task(f"t{name}"), 0.1)]
    assert 150 < len(explored) < 250
    assert explored == [name for name in range(2000) if is_explored(task(f"t{name}"), 0.1)]


def test_the_cv_counts_by_kind_what_was_judged() -> None:
    made = life(
        task("one", scope=Scope(owns=("src/one.txt",))),
        ends=lambda session: {"exit_code": 0, "paths": ("src/one.txt",)},
    )
    made.settle()
    (who,) = made.observed.identities.values()
    assert who.by_kind == {KIND: {"completed": 1, "first_pass": 1}}
    assert who.by_domain == {"src": {"completed": 1, "first_pass": 1}}
    assert (cv.first_pass_rate(who), cv.rework_rate(who), cv.strengths(who)) == (1.0, 0.0, ("src",))


def test_the_cv_counts_each_rejection_and_failure_once() -> None:
    ends = iter([strays, lambda session: {"exit_code": 1, "paths": ()}, submits])

    def one_after_the_other(session: Session) -> dict[str, Any]:
        return next(ends)(session)

    made = life(task("one"), ends=one_after_the_other)
    made.settle()
    (who,) = made.observed.identities.values()
    assert who.by_kind == {"implement/-": {"rejected": 1, "failed": 1, "completed": 1}}
    assert cv.overall(who) == (1, 3)
    assert (who.tasks_tried, who.tasks_completed, cv.first_pass_rate(who)) == (1, 1, 0.0)


def test_an_agent_that_only_fails_has_a_first_pass_rate_of_nothing() -> None:
    made = life(task("one"), ends=strays)
    made.settle()
    (who,) = made.observed.identities.values()
    assert (made.status("one").phase, who.tasks_tried, cv.first_pass_rate(who)) == ("failed", 1, 0.0)


def test_what_is_nobodys_fault_leaves_the_first_pass_as_it_is() -> None:
    ends = iter([lambda session: {"state": "lost", "exit_code": None}, submits])

    def one_after_the_other(session: Session) -> dict[str, Any]:
        return next(ends)(session)

    made = life(task("one"), ends=one_after_the_other)
    made.settle()
    (who,) = made.observed.identities.values()
    assert [attempt.outcome for attempt in made.status("one").attempts] == ["lost", "landed"]
    assert (who.sessions, cv.first_pass_rate(who)) == (2, 1.0)


def test_a_conflict_is_nobodys_fault() -> None:
    made = life(task("one"), conflicts=lambda name, onto: onto == "root")
    made.commit_by_hand("root")
    made.conflicts = lambda name, onto: len(made.status("one").attempts) < 2
    made.settle()
    (who,) = made.observed.identities.values()
    assert cv.overall(who).tried == who.tasks_completed == 1


def test_intervals_are_those_of_the_books() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)
    assert [round(student(n), 2) for n in (1, 2, 10)] == [12.71, 4.30, 2.23]
    assert student(30) == pytest.approx(2.042, abs=0.01)
    assert mean_interval([1.0]) is None
    assert are_apart((0.0, 0.2), (0.3, 0.5))
    assert not are_apart((0.0, 0.4), (0.3, 0.5))
    assert SWARM.explore_share == 0.1
