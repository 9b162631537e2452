"""Work that only a person lets land: it is held when its own gates are green, and lands by a verdict about just that."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from values import Life, entry_of, life, never_ends, task

from swarmgit.model.control import QueueControl, Verdict
from swarmgit.model.desired import Scope
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.policy import Policy, ReviewRules
from swarmgit.model.queue import Entry
from swarmgit.model.status import Difference
from swarmgit.plan import verdicts
from swarmgit.plan.order import order
from swarmgit.plan.situation import Draft, Situation


def same(name: str = "a") -> Difference:
    return Difference(name, "files", "guarded")


def held(*names: str, others: tuple[str, ...] = ()) -> Life:
    """Return a swarm in which the named tasks say review: full, settled."""
    made = life(*(task(name, review="full") for name in names), *(task(name) for name in others))
    made.settle()
    return made


def say(made: Life, name: str, verdict: str = "pass", **fields: Any) -> Verdict:
    entry = entry_of(made, name)
    given = {
        "by": "pat",
        "how": "terminal",
        "at": made.now,
        "round": verdicts.asked(entry),
        "head": entry.head,
        "difference": same(name),
        "policy": verdicts.policy_key(made.policy),
        **fields,
    }
    said = Verdict(entry.id, entry.task, verdict, **given)  # type: ignore[arg-type]
    made.see(verdicts={**made.observed.verdicts, entry.id: said})
    return said


def kinds(entry: Entry) -> list[str]:
    return [event.kind for event in entry.events]


def test_full_review_holds_green_work_until_a_person_passes_it() -> None:
    made = held("a", others=("b",))
    assert (made.phases(), made.landed()) == ({"a": "needs-human", "b": "landed"}, ["b"])
    assert made.status("a").waiting_for == ("a person's review",)
    say(made, "a")
    made.settle()
    assert made.landed() == ["b", "a"]
    assert kinds(entry_of(made, "a")) == ["queued", "held", "reviewed", "gating", "landing", "landed"]


def test_a_held_entry_is_not_merged_before_its_verdict() -> None:
    made = held("a")
    assert made.observed.merges == {}


@pytest.mark.parametrize("path", [".envrc", "sub/.vscode/tasks.json", "LEFTHOOK.yml", ".Npmrc", "x/.devcontainer/a"])
def test_what_tools_run_by_themselves_is_held_whatever_the_task_says(path: str) -> None:
    made = life(task("a", scope=Scope(owns=("**",)), review="skip"))
    made.ends = lambda session: {"exit_code": 0, "paths": (path,)}
    made.settle()
    assert (made.phases(), entry_of(made, "a").guarded) == ({"a": "needs-human"}, (path,))
    made.change("a", review="auto")
    made.settle()
    assert made.phases() == {"a": "needs-human"}
    say(made, "a")
    made.settle()
    assert made.phases() == {"a": "landed"}


def test_a_protected_file_that_a_task_was_granted_waits_for_a_person_even_if_the_task_is_edited() -> None:
    made = life(task("a", scope=Scope(owns=("CLAUDE.md",)), review="full"))
    made.ends = lambda session: {"exit_code": 0, "paths": ("CLAUDE.md",)}
    made.settle()
    made.change("a", review="skip")
    made.settle()
    assert made.phases() == {"a": "needs-human"}


def test_a_person_who_takes_full_review_back_lets_plain_work_land() -> None:
    made = held("a")
    made.change("a", review="auto")
    made.settle()
    assert (made.phases(), "released" in kinds(entry_of(made, "a"))) == ({"a": "landed"}, True)


def test_fail_sends_the_work_back_with_the_text() -> None:
    made = held("a")
    made.ends = never_ends
    say(made, "a", "fail", text="the name is wrong")
    for _ in range(5):
        made.tick()
    first, second = made.status("a").attempts
    assert first.rejection is not None
    assert (first.outcome, first.rejection.kind, second.outcome) == ("rejected", "review", "running")
    assert "the name is wrong" in first.rejection.summary


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("another head", {"head": CommitId("other")}),
        ("another question", {"round": 7}),
        ("another policy", {"policy": "older"}),
    ],
)
def test_a_verdict_about_something_else_does_not_count(what: str, fields: dict[str, Any]) -> None:
    made = held("a")
    say(made, "a", **fields)
    made.settle()
    assert made.phases() == {"a": "needs-human"}, what


def test_a_verdict_stays_good_when_the_target_moves_and_the_difference_does_not() -> None:
    made = held("a")
    made.commit_by_hand("by hand")
    say(made, "a")
    made.settle()
    assert made.phases() == {"a": "landed"}


def test_another_difference_on_the_moved_target_is_asked_about_again() -> None:
    made = held("a")
    made.differs = lambda task, onto: replace(same(task), patch=f"{task} on {onto}")
    say(made, "a")
    made.settle()
    entry = entry_of(made, "a")
    assert (made.phases(), kinds(entry).count("held"), made.landed()) == ({"a": "needs-human"}, 2, [])
    assert "the difference is another one" in made.status("a").reason
    say(made, "a", difference=made.differs(TaskId("a"), CommitId("root")))
    made.settle()
    assert made.phases() == {"a": "landed"}


def test_a_changed_policy_is_a_new_question() -> None:
    made = held("a")
    say(made, "a")
    made.policy = Policy(protected_paths=("*.sql",))
    made.settle()
    assert (made.phases(), kinds(entry_of(made, "a")).count("held")) == ({"a": "needs-human"}, 2)
    say(made, "a")
    made.settle()
    assert made.phases() == {"a": "landed"}


def test_passed_work_goes_to_the_front_of_the_line() -> None:
    made = held("a", "b")
    for name in ("a", "b"):
        say(made, name)
    made.tasks |= {TaskId("c"): task("c", priority="critical")}
    made.see(queue_control=QueueControl(paused=True))
    made.settle()
    draft = Draft(entries=dict(made.observed.entries))
    situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
    assert [entry.task for entry in order(situation, draft)] == ["a", "b", "c"]


def test_the_files_of_held_work_are_its_own_for_a_day_and_then_others_may_go_first() -> None:
    made = held("a")
    made.tasks[TaskId("b")] = task("b", scope=Scope(owns=("a.txt", "b.txt")))
    made.settle()
    assert made.phases() == {"a": "needs-human", "b": "waiting"} or "b" not in made.phases()
    made.policy = Policy(review=ReviewRules(hold_owns_hours=0.0))
    made.settle()
    assert made.phases() == {"a": "needs-human", "b": "landed"}


def test_editing_the_task_of_held_work_does_not_throw_the_work_away() -> None:
    made = held("a")
    made.change("a", title="a better title", generation="g2")
    made.settle()
    assert (made.phases(), len(made.status("a").attempts)) == ({"a": "needs-human"}, 1)


def test_a_crash_at_any_step_of_a_review_comes_to_the_same_end() -> None:
    for cut in range(12):
        made = held("a")
        say(made, "a")
        for step in range(4):
            made.tick_until_cut(cut if step == cut % 4 else None)
        made.settle()
        assert made.phases() == {"a": "landed"}, cut
        assert kinds(entry_of(made, "a")).count("landed") == 1
