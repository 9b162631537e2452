"""A convoy that holds lands whole or not at all: at the edge of a batch, and where its members conflict."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from values import Life, entry_of, life, task

from swarmgit.model.actions import Salvage, saves
from swarmgit.model.desired import Budget, Convoy, Gate
from swarmgit.model.ids import CommitId, ConvoyId, GateName, SessionId, TaskId, TreeId
from swarmgit.model.queue import Entry, Landing, Resolved
from swarmgit.plan import clashes
from swarmgit.plan.situation import Draft, Situation

NAME = ConvoyId("cv")
LATE = Gate(GateName("late"), "make", when=("merge",))


def holding(count: int, others: int = 0, *, batch_max: int = 8, slots: int = 2) -> Life:
    """Return a swarm with a convoy of t01, t02 and so on, and others beside it, all with one attempt."""
    names = [f"t{n:02d}" for n in range(1, count + 1)]
    beside = [f"x{n:02d}" for n in range(1, others + 1)]
    made = life(*(task(name, budget=Budget(attempts=1)) for name in [*names, *beside]), gates=(LATE,))
    merge = replace(made.swarm.merge, batch_max=batch_max)
    made.swarm = replace(made.swarm, agents_max=count + others, gates_max=slots, merge=merge)
    members = tuple(TaskId(name) for name in names)
    made.convoys = {NAME: Convoy(NAME, "Together", tasks=members, on_failure="hold", reassign_max=0)}
    return made


def red_where(*names: str) -> object:
    """A tree is red with all of these in it."""
    return lambda gate, tree: "fail" if {*names} <= {*tree.split("+")[1:]} else "pass"


def landed(made: Life) -> list[Entry]:
    return [e for e in made.observed.entries.values() if e.state == "landed" and e.task.startswith("t")]


def members_landed(made: Life) -> list[str]:
    return [name for name in made.landed() if name.startswith("t")]


@pytest.mark.parametrize(("count", "batch_max", "slots"), [(3, 2, 1), (18, 8, 2), (9, 4, 1), (20, 4, 8)])
def test_a_convoy_larger_than_the_window_of_the_queue_is_not_cut(count: int, batch_max: int, slots: int) -> None:
    made = holding(count, 3, batch_max=batch_max, slots=slots)
    made.answers = red_where("t01", f"t{count:02d}")  # type: ignore[assignment]
    made.settle()
    (failed,) = (name for name, phase in made.phases().items() if phase == "failed")
    assert (members_landed(made), len(made.landed())) == ([], 3)
    made.answers = lambda gate, tree: "pass"
    made.control(failed, restart="once")
    made.settle()
    assert len(members_landed(made)) == count
    stacks = {entry.last(Landing).stack for entry in landed(made)}
    assert len(stacks) == 1


def clash(made: Life, one: str, other: str) -> None:
    """Let two tasks conflict wherever one is merged on the other."""
    pairs = {one: other, other: one}
    made.conflicts = lambda name, onto: pairs.get(name, "-") in onto.split("+")


def test_members_that_conflict_with_each_other_wait_for_a_person_where_no_tier_is_left() -> None:
    made = holding(3, 1)
    clash(made, "t01", "t03")
    assert made.settle().needs_person
    assert made.landed() == ["x01"]
    assert "conflicts in shared.txt with" in made.status("t02").reason
    assert "and convoy cv lands together" in made.status("t02").reason
    assert {phase for name, phase in made.phases().items() if name != "x01"} == {"queued"}


def test_a_member_that_conflicts_with_another_task_waits_until_that_has_landed_and_goes_back_alone() -> None:
    made = holding(2, 1)
    made.change("x01", priority="critical")
    made.conflicts = lambda name, onto: name == "t02" and "x01" in onto
    made.settle()
    assert (made.landed(), made.phases()["t02"]) == (["x01"], "needs-human")
    made.conflicts = lambda name, onto: False
    made.see(merges={})
    made.control("t02", restart="once")
    made.settle()
    assert members_landed(made) == ["t01", "t02"]


def resolved_on(made: Life) -> tuple[Entry, Entry]:
    """Return an entry, and one that was resolved on top of it."""
    below, above = entry_of(made, "t01"), entry_of(made, "t02")
    draft, situation = Draft(), look(made)
    resolved = Resolved(
        at=situation.now,
        way="ai",
        session=SessionId("s"),
        tier="ai",
        proposal=CommitId("both"),
        others=(),
        beneath=((below.id, below.work),),
        resolution=(),
    )
    done = clashes.with_event(above, resolved, state="queued", proposal=CommitId("both"))
    clashes.save(draft, done)
    return below, done


def look(made: Life) -> Situation:
    return Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)


def stands(made: Life, below: Entry, above: Entry) -> bool:
    """Return whether the resolution is kept; where it is not, what was made is saved."""
    draft = Draft()
    draft.entries = {below.id: below, above.id: above}
    clashes.void(look(made), draft)
    is_kept = draft.entries[above.id].proposal is not None
    assert is_kept == (not any(isinstance(a, Salvage) or saves(a, Entry) for a in draft.actions))
    return is_kept


def test_a_resolution_on_a_sibling_stands_only_while_the_sibling_is_the_same_and_lands_with_it() -> None:
    made = holding(2)
    made.answers = lambda gate, tree: "fail" if gate == LATE.name and "t02" in TreeId(tree) else "pass"
    while len(made.observed.entries) < 2:
        made.tick()
    below, above = resolved_on(made)
    assert stands(made, below, above)
    assert stands(made, replace(below, state="landed"), above)
    for gone in (replace(below, state="rejected"), replace(below, proposal=CommitId("another"))):
        assert not stands(made, gone, above)
    made.convoys = {NAME: replace(made.convoys[NAME], on_failure="continue")}
    assert not stands(made, below, above)
