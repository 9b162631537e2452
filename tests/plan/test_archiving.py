"""Finished things leave the hot folders once: what is settled stays settled."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from msgspec.structs import replace
from values import NOTHING_YET, START, Life, life, task

from swarmgit.model.actions import Archive
from swarmgit.model.control import TaskControl
from swarmgit.model.ids import TaskId
from swarmgit.model.status import TaskStatus
from swarmgit.plan.archive import HOT_MAX

DAY = timedelta(days=1)


def finished(seed: int) -> Life:
    """Return a swarm in which everything has ended, in every way and at many times; some files are gone from intent."""
    draw = random.Random(seed)
    names = [f"t{n:03d}" for n in range(draw.choice([40, HOT_MAX + 20, 2 * HOT_MAX]))]
    phases = draw.choices(
        ["landed", "unchanged", "reported", "cancelled"], draw.choices(range(1, 5), k=4), k=len(names)
    )
    in_intent = {name for name in names if draw.random() < draw.choice([0.2, 0.9])}
    made = life(*(task(name) for name in sorted(in_intent)))
    statuses, controls = {}, {}
    for name, phase in zip(names, phases, strict=True):
        ended = START - draw.random() * 30 * DAY
        statuses[TaskId(name)] = TaskStatus(TaskId(name), f"Do {name}", phase=phase, finished=ended)  # type: ignore[arg-type]
        if phase == "cancelled":
            controls[TaskId(name)] = TaskControl(cancelled=True, by="pat", at=ended)
    made.observed = replace(NOTHING_YET, statuses=statuses, controls=controls)
    return made


def put_away(made: Life, moves: list[Archive]) -> None:
    """Do what the moves say: a finished task that was archived is known by name, a cancelled one is not."""
    gone = {TaskId(m.path.rsplit("/", 1)[-1].removesuffix(".yaml")): m.to for m in moves}
    assert {*gone} <= {*made.observed.statuses}
    kept = {name: status for name, status in made.observed.statuses.items() if name not in gone}
    done = {name: to for name, to in gone.items() if "/cancelled/" not in to}
    made.see(statuses=kept, archived={**made.observed.archived, **done})


@pytest.mark.parametrize("seed", range(12))
def test_a_world_that_is_finished_and_put_away_plans_nothing_more(seed: int) -> None:
    made = finished(seed)
    first = made.decide()
    put_away(made, [a for a in first.actions if isinstance(a, Archive)])
    again = made.decide()
    assert (again.actions, again.is_settled) == ((), True)


def test_too_many_cancelled_tasks_are_put_away_as_soon_as_their_files_are_gone() -> None:
    made = life()
    named = [TaskId(f"t{n:03d}") for n in range(HOT_MAX + 1)]
    made.observed = replace(
        NOTHING_YET, statuses={n: TaskStatus(n, n, phase="cancelled", finished=START) for n in named}
    )
    assert any(isinstance(action, Archive) for action in made.decide().actions)
    made.tasks = {name: task(name) for name in named}
    made.see(controls={name: TaskControl(cancelled=True, by="pat", at=START) for name in named})
    assert made.decide().actions == ()
