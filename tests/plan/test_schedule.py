"""Who starts, and what the others wait for, in values."""

from __future__ import annotations

import random

import pytest
from values import Life, life, never_ends, submits, task

from swarmgit.model.desired import PRIORITY_RANK, Scope
from swarmgit.model.ids import AgentName, BlobId, TaskId
from swarmgit.plan import scope


def waits(made: Life, name: str) -> tuple[str, ...]:
    return made.decide().views[TaskId(name)].waiting_for


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_slots_are_never_exceeded(slots: int) -> None:
    dice = random.Random(slots)
    made = life(
        *(task(f"t{n}") for n in range(8)),
        swarm={"agents_max": slots},
        ends=lambda s: submits(s) if dice.random() < 0.5 else {},
    )
    for _ in range(60):
        made.tick()
        assert len([s for s in made.observed.sessions.values() if s.spec.kind == "agent"]) <= slots
    assert set(made.phases().values()) == {"landed"}


def test_gate_slots_are_never_exceeded() -> None:
    made = life(*(task(f"t{n}") for n in range(8)), swarm={"gates_max": 2})
    for _ in range(60):
        made.tick()
        assert len([s for s in made.observed.sessions.values() if s.spec.kind == "gate"]) <= 2


def test_the_most_urgent_starts_first() -> None:
    names = ["low", "normal", "high", "critical"]
    made = life(*(task(name, priority=name) for name in names), swarm={"agents_max": 1})
    made.settle()
    assert made.started() == sorted(names, key=PRIORITY_RANK.__getitem__)


def test_overlapping_owners_never_work_at_the_same_time() -> None:
    dice = random.Random(1)
    files = ["src/a/**", "src/b/**", "src/**", "src/a/x.py", "docs/*.md"]
    made = life(
        *(task(f"t{n}", scope=Scope(owns=(dice.choice(files),))) for n in range(10)),
        ends=lambda s: {} if dice.random() < 0.5 else {"exit_code": 1},
    )
    for _ in range(120):
        made.tick()
        working = [made.tasks[s.spec.task] for s in made.observed.sessions.values() if s.spec.task]
        for number, one in enumerate(working):
            assert not any(scope.overlap(one.scope, other.scope) for other in working[number + 1 :])


def test_shared_files_may_be_worked_on_together() -> None:
    made = life(
        *(task(n, scope=Scope(owns=(f"{n}.txt",), shares=("CHANGELOG.md",))) for n in ("a", "b")), ends=never_ends
    )
    made.tick()
    assert len(made.working()) == 2


def test_each_wait_names_its_reason() -> None:
    made = life(
        task("busy", priority="critical", scope=Scope(owns=("src/**",))),
        task("dep", depends_on=(TaskId("busy"),)),
        task("same", scope=Scope(owns=("src/x.py",))),
        task("off", suspend=True),
        task("paused"),
        task("full"),
        ends=never_ends,
        swarm={"agents_max": 1},
    )
    made.control("paused", paused=True, by="pat")
    made.tick()
    made.tick()
    assert {name: waits(made, name) for name in ("dep", "same", "off", "paused", "full")} == {
        "dep": ("dependency busy",),
        "same": ("file ownership busy",),
        "off": ("suspension",),
        "paused": ("suspension",),
        "full": ("slot",),
    }


def test_a_pinned_agent_works_on_one_task_at_a_time() -> None:
    pin = AgentName("builder-03")
    made = life(task("a", agent=pin), task("b", agent=pin), ends=never_ends)
    made.tick()
    made.tick()
    assert [s.spec.agent for s in made.working()] == [pin]
    assert waits(made, "b") == ("slot",)


def test_two_sessions_at_work_never_share_an_agent() -> None:
    made = life(*(task(f"t{n}") for n in range(6)), ends=never_ends)
    made.tick()
    agents = [s.spec.agent for s in made.working()]
    assert len(agents) == len(set(agents)) == 6


def test_only_the_selected_tasks_start() -> None:
    made = life(task("a"), task("b"))
    from swarmgit.plan import plan

    decided = plan(made.desired, made.observed, made.now, frozenset({TaskId("b")}))
    starts = [a.spec.task for a in decided.actions if type(a).__name__ == "StartSession"]
    assert starts == ["b"]


def test_a_dependency_that_failed_is_named_and_waited_for() -> None:
    made = life(task("a"), task("b", depends_on=(TaskId("a"),)), ends=lambda s: {"exit_code": 1})
    assert made.settle().needs_person
    assert made.started() == ["a"] * 3
    view = made.decide().views[TaskId("b")]
    assert view.waiting_for == ("dependency a",)
    assert "failed" in view.reason


def test_a_task_whose_status_cannot_be_read_still_holds_its_files() -> None:
    made = life(task("a", scope=Scope(owns=("src/**",))), task("b", scope=Scope(owns=("src/b",))), ends=never_ends)
    made.control("b", paused=True)
    made.tick()
    made.tick()
    made.control("b")
    made.see(
        statuses={k: v for k, v in made.observed.statuses.items() if k != "a"}, unreadable=frozenset({TaskId("a")})
    )
    made.tick()
    assert made.started() == ["a"]


def test_a_rework_goes_before_new_work_of_the_same_priority() -> None:
    made = life(
        task("a"), task("b"), swarm={"agents_max": 1}, ends=lambda s: {"exit_code": 1} if s.spec.task == "b" else {}
    )
    made.change("a", suspend=True)
    for _ in range(4):
        made.tick()
    made.change("a", suspend=False, generation=BlobId("g2"))
    for _ in range(6):
        made.tick()
    assert made.started()[:2] == ["b", "b"]
