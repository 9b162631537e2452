"""Nothing is settled while an entry is open, unless something that has a name keeps it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from test_lives import Chaos
from values import Life, entry_of, life, task

from swarmgit.model.actions import Plan, saves
from swarmgit.model.control import Freeze, QueueControl
from swarmgit.model.queue import WAITING, Entry


def assert_named(made: Life, decided: Plan) -> None:
    """Hold a settled plan to what people see: each task with open work says what it waits for, or all of it rests."""
    rests = made.observed.freeze is not None or made.observed.queue_control.paused
    if not decided.is_settled or rests:
        return
    entries = [e for e in made.observed.entries.values() if e.state in WAITING or e.state == "landing"]
    for entry in entries:
        view = decided.views.get(entry.task) or made.observed.statuses[entry.task]
        assert view.waiting_for or view.phase == "needs-human", (entry.state, view.reason)


@pytest.mark.parametrize("seed", range(100, 106))
def test_in_any_life_what_is_settled_says_what_it_waits_for(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(60):
        chaos.disturb()
        assert_named(chaos.life, chaos.life.tick_until_cut(None))


@pytest.mark.parametrize("state", ["queued", "gating", "landing"])
def test_an_entry_that_nothing_keeps_and_nobody_moves_is_not_settled(state: str) -> None:
    # given an entry as no step of ours leaves it: about to land, without a candidate
    made = life(task("a"))
    made.see(queue_control=QueueControl(paused=True))
    made.settle()
    entry = entry_of(made, "a")
    made.see(queue_control=QueueControl(), entries={entry.id: replace(entry, state=state, candidate=None)})

    decided = made.decide()

    # then it goes on, or at least is not called settled
    assert not decided.is_settled
    assert decided.wake_in_s is not None
    assert state == "landing" or any(not saves(action, Entry) for action in decided.actions)


def test_what_has_a_name_may_be_settled() -> None:
    made = life(task("a"))
    made.see(queue_control=QueueControl(paused=True))
    assert made.settle().is_settled
    made.see(queue_control=QueueControl(), freeze=Freeze("pat", made.now))
    assert made.settle().is_settled
    made.see(freeze=None)
    made.is_landing_blocked = True
    decided = made.settle()
    assert decided.views["a"].waiting_for
    assert entry_of(made, "a").state in {"queued", "landing"}
