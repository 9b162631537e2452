"""Any life at all, in values: random ends, gates, conflicts, kills, edits and other people's commits."""

from __future__ import annotations

import random

import pytest
from values import (
    Life,
    cannot_start,
    changes_nothing,
    fails,
    is_lost,
    life,
    never_ends,
    says_no_change,
    strays,
    submits,
    task,
)

from swarmgit.model.actions import StartSession
from swarmgit.model.control import Freeze
from swarmgit.model.desired import Budget, Scope
from swarmgit.model.ids import BlobId, TaskId

ENDS = (submits, submits, submits, fails, strays, changes_nothing, says_no_change, is_lost, cannot_start, never_ends)
TASKS = 6


class Chaos:
    """A life, and everything that happens to it by one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = random.Random(seed)
        self.count = 0
        patience = Budget(minutes=0.1)
        made: list[object] = []
        for number in range(TASKS):
            after = (TaskId(f"t{dice.randrange(number)}"),) if number and dice.random() < 0.3 else ()
            owns = (f"t{number}.txt", *(("common.txt",) if dice.random() < 0.3 else ()))
            made.append(task(f"t{number}", depends_on=after, scope=Scope(owns=owns), budget=patience))
        self.life = life(*made, swarm={"agents_max": 3})  # type: ignore[arg-type]
        self.life.ends = lambda session: {} if dice.random() < 0.3 else dice.choice(ENDS)(session)
        self.life.answers = lambda gate, tree: "pass" if tree[-4:] == "root" else self.answer()
        self.life.conflicts = lambda task, onto: dice.random() < 0.2

    def answer(self) -> str:
        return self.dice.choice(["pass"] * 6 + ["fail", "error"])

    def disturb(self) -> None:
        made, dice = self.life, self.dice
        name = TaskId(f"t{dice.randrange(TASKS)}")
        self.count += 1
        match dice.randrange(12):
            case 0:
                made.commit_by_hand(f"hand{self.count}")
            case 1:
                made.see(freeze=None if made.observed.freeze else Freeze("pat", made.now))
            case 2:
                made.control(name, restart=f"r{self.count}")
            case 3 if name in made.tasks:
                made.change(name, generation=BlobId(f"g{self.count}"))
            case 4 if not any(name in t.depends_on for t in made.tasks.values()):
                made.tasks.pop(name, None)
            case 5:
                made.control(name, paused=dice.random() < 0.5)
            case 6:
                made.is_landing_blocked = not made.is_landing_blocked
            case 7:
                made.see(merges={})
            case 8:
                made.see(evidence={})
            case _:
                pass

    def calm(self) -> None:
        """Nobody disturbs any more, and every agent does what it should."""
        self.life.ends = submits
        self.life.answers = lambda gate, tree: "pass"
        self.life.conflicts = lambda task, onto: False
        self.life.is_landing_blocked = False
        self.life.see(freeze=None, controls={}, trusted_since=self.life.now)

    def check(self) -> None:
        made = self.life
        landed = [e for e in made.observed.entries.values() if e.state == "landed"]
        assert all(e.landed_commit in made.line for e in landed)
        moved = [c for c in made.line if "+" in c.rsplit("/", 1)[-1]]
        assert len({c.rsplit("+", 1)[-1] for c in moved}) == len(moved), "nothing lands twice"
        working = [s.spec.task for s in made.working()]
        assert len(working) == len(set(working)), "no task runs twice at once"
        agents = [s for s in made.observed.sessions.values() if s.spec.kind == "agent" and not s.is_finished]
        assert len(agents) <= made.swarm.agents_max
        starts = [a.spec.id for a in made.did if isinstance(a, StartSession)]
        assert len(starts) == len(set(starts))
        for status in made.observed.statuses.values():
            numbers = [a.number for a in status.attempts]
            assert numbers == sorted(set(numbers))


def after_calm(made: Life) -> None:
    for _ in range(300):
        if made.tick().is_settled and not made.decide().actions:
            return
    raise AssertionError(f"not settled: {made.phases()}")


@pytest.mark.parametrize("seed", range(40))
def test_the_promises_hold_in_any_life_and_it_settles_when_it_is_left_alone(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(80):
        chaos.disturb()
        cut = chaos.dice.randrange(12) if chaos.dice.random() < 0.3 else None
        chaos.life.tick_until_cut(cut)
        chaos.check()
    chaos.calm()
    after_calm(chaos.life)
    chaos.check()
    made = chaos.life
    assert made.decide().actions == ()
    assert set(made.phases().values()) <= {"landed", "unchanged", "cancelled", "failed", "needs-human", "waiting"}
    for name, phase in made.phases().items():
        if phase == "waiting":
            waits = made.status(name).waiting_for
            assert waits, name
            assert waits[0].startswith("dependency"), (name, waits)
