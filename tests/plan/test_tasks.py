"""The life of a task, in values."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from values import (
    Ends,
    Life,
    cannot_start,
    changes_nothing,
    entry_of,
    fails,
    is_lost,
    life,
    never_ends,
    salvages,
    says_no_change,
    strays,
    submits,
    task,
)

from swarmgit.model.actions import Land, StartSession
from swarmgit.model.control import Freeze, QueueControl
from swarmgit.model.desired import Acceptance, Budget
from swarmgit.model.endings import AttemptOutcome
from swarmgit.model.ids import BlobId, TaskId


def test_a_task_goes_from_waiting_to_landed() -> None:
    made = life(task("it"))
    made.settle()
    assert made.phases() == {"it": "landed"}
    assert [a.outcome for a in made.status("it").attempts] == ["landed"]
    assert made.landed() == ["it"]


def test_equal_observations_give_equal_plans() -> None:
    made = life(task("a"), task("b", depends_on=(TaskId("a"),)), task("c"))
    for _ in range(30):
        assert made.decide() == made.decide()
        made.tick()


def test_a_settled_swarm_has_nothing_to_do_however_often_it_looks() -> None:
    made = life(task("a"), task("b"))
    made.settle()
    for _ in range(3):
        made.now += timedelta(hours=1)
        assert made.decide().actions == ()


@pytest.mark.parametrize(
    ("ends", "phase", "outcomes"),
    [
        (fails, "failed", ["failed"] * 3),
        (strays, "failed", ["rejected"] * 3),
        (changes_nothing, "failed", ["rejected"] * 3),
        (says_no_change, "failed", ["rejected"] * 3),
        (never_ends, "failed", ["timeout"] * 3),
        (is_lost, "needs-human", ["lost"] * 5),
        (cannot_start, "needs-human", ["error"] * 2),
    ],
)
def test_every_outcome_is_tried_a_bounded_number_of_times(
    ends: Ends, phase: str, outcomes: list[AttemptOutcome]
) -> None:
    made = life(task("it", budget=Budget(minutes=0.1)), ends=ends)
    assert made.settle().needs_person
    assert made.phases() == {"it": phase}
    assert [a.outcome for a in made.status("it").attempts] == outcomes


def test_conflicts_are_tried_a_bounded_number_of_times() -> None:
    made = life(task("it"), conflicts=lambda task, onto: True)
    assert made.settle().needs_person
    assert made.phases() == {"it": "needs-human"}
    assert [a.outcome for a in made.status("it").attempts] == ["conflict"] * 5
    assert len(salvages(made)) == 5


def test_outcomes_that_take_turns_are_bounded_all_the_same() -> None:
    turns = [is_lost, submits, cannot_start, fails, strays, is_lost]
    made = life(
        task("it"),
        ends=lambda s: turns[s.spec.attempt % len(turns)](s),
        conflicts=lambda task, onto: True,
    )
    assert made.settle().needs_person
    assert len(made.status("it").attempts) <= 3 + 4 + 4 + 1


def test_a_gate_that_never_passes_uses_up_the_attempts() -> None:
    made = life(task("it"), answers=lambda gate, tree: "pass" if "root" in tree else "fail")
    assert made.settle().needs_person
    assert [a.outcome for a in made.status("it").attempts] == ["rejected"] * 3
    assert made.landed() == []


@pytest.mark.parametrize("outcome", ["fail", "error", "skipped"])
def test_nothing_but_pass_passes(outcome: str) -> None:
    made = life(task("it"), answers=lambda gate, tree: "pass" if "root" in tree else outcome)
    made.settle()
    assert made.landed() == []
    assert made.phases() == {"it": "failed"}


def test_a_red_target_needs_a_person_and_blames_nobody() -> None:
    made = life(task("a"), task("b"), answers=lambda gate, tree: "fail")
    assert made.settle().needs_person
    assert made.phases() == {"a": "needs-human", "b": "needs-human"}
    assert "the target itself is red" in made.status("a").reason
    assert [a.outcome for a in made.status("a").attempts] == ["submitted"]


def test_work_goes_on_by_itself_once_the_target_is_green_again() -> None:
    red = {"tree of root"}
    made = life(task("it"), answers=lambda gate, tree: "fail" if red else "pass")
    made.settle()
    red.clear()
    made.commit_by_hand("repair")
    made.see(trusted_since=made.now)
    made.settle()
    assert made.phases() == {"it": "landed"}
    assert len(made.status("it").attempts) == 1


def test_no_change_is_believed_only_where_it_is_allowed_and_the_gates_pass() -> None:
    lazy = task("lazy", allow_no_change=True)
    liar = task("liar", allow_no_change=True, acceptance=(Acceptance("test -e it"),))
    made = life(
        lazy, liar, ends=says_no_change, answers=lambda gate, tree: "fail" if gate == "acceptance-1" else "pass"
    )
    made.settle()
    assert made.phases() == {"lazy": "unchanged", "liar": "failed"}


def test_a_task_that_is_removed_is_cancelled_and_its_work_kept() -> None:
    made = life(task("it"))
    while "queued" not in made.phases().values():
        made.tick()
    del made.tasks[TaskId("it")]
    made.settle()
    assert made.phases() == {"it": "cancelled"}
    assert len(salvages(made)) == 1
    assert [e.state for e in made.observed.entries.values()] == ["dropped"]


def test_a_task_whose_file_broke_is_not_cancelled_and_does_not_start() -> None:
    made = life(task("it"), held=frozenset({TaskId("it")}))
    made.settle()
    assert made.started() == []
    del made.tasks[TaskId("it")]
    made.settle()
    assert made.phases().get("it", "waiting") == "waiting"


def test_a_restart_drops_the_entry_and_keeps_the_work() -> None:
    made = life(task("it"))
    while "queued" not in made.phases().values():
        made.tick()
    made.control("it", restart="now")
    made.settle()
    assert sorted(e.state for e in made.observed.entries.values()) == ["dropped", "landed"]
    assert [a.outcome for a in made.status("it").attempts] == ["cancelled", "landed"]
    assert len(salvages(made)) == 1


def test_a_restart_that_comes_while_the_task_lands_does_not_run_it_again() -> None:
    made = life(task("it"))
    while not any(isinstance(a, Land) for a in made.decide().actions):
        made.tick()
    made.control("it", restart="too late")
    made.settle()
    made.settle()
    assert made.phases() == {"it": "landed"}
    assert made.started() == ["it"]


def test_a_restart_is_honoured_once() -> None:
    made = life(task("it"), ends=fails)
    made.settle()
    made.control("it", restart="one")
    made.settle()
    assert len(made.status("it").attempts) == 6
    made.settle()
    assert len(made.status("it").attempts) == 6


def test_a_restart_of_a_task_at_work_stops_its_session_first() -> None:
    made = life(task("it"), ends=never_ends)
    for _ in range(3):
        made.tick()
    made.control("it", restart="now")
    made.ends = submits
    made.tick()
    assert len(made.working()) <= 1
    made.settle()
    assert made.phases() == {"it": "landed"}


def test_a_changed_task_applies_to_the_next_attempt_and_wakes_one_that_failed() -> None:
    made = life(task("it"), ends=fails)
    made.settle()
    made.ends = submits
    made.settle()
    assert made.phases() == {"it": "failed"}
    made.change("it", generation=BlobId("g2"))
    made.settle()
    assert made.phases() == {"it": "landed"}


def test_a_cancelled_task_stays_cancelled_until_a_person_restarts_it() -> None:
    made = life(task("it"))
    made.control("it", cancelled=True)
    made.settle()
    assert made.phases() == {"it": "cancelled"}
    made.settle()
    assert made.started() == []
    made.control("it", restart="again")
    made.settle()
    assert made.phases() == {"it": "landed"}


@pytest.mark.parametrize(("asked", "lands"), [("cancel", []), ("remove", []), ("restart", ["it"])])
def test_what_a_person_asks_of_a_task_goes_before_its_landing_in_the_same_tick(asked: str, lands: list[str]) -> None:
    made = life(task("it"))
    while not (made.observed.statuses.get(TaskId("it")) and made.status("it").entry):
        made.tick()
    made.see(queue_control=QueueControl(paused=True))
    made.settle()
    submitted = entry_of(made, "it")
    assert made.landed() == []
    if asked == "remove":
        made.tasks.pop(TaskId("it"))
    else:
        made.control("it", **({"cancelled": True} if asked == "cancel" else {"restart": "again"}))
    made.see(queue_control=QueueControl())

    made.settle()

    assert made.landed() == lands
    assert made.observed.entries[submitted.id].state == "dropped"


def test_a_session_that_a_crash_left_unrecorded_is_adopted_and_not_started_again() -> None:
    made = life(task("it"), ends=never_ends)
    made.tick()
    made.see(statuses={})
    made.tick()
    made.ends = submits
    made.settle()
    assert made.started() == ["it"]
    assert made.phases() == {"it": "landed"}


def test_a_running_session_whose_folder_is_gone_is_lost_and_tried_again() -> None:
    made = life(task("it"), ends=never_ends)
    made.tick()
    made.tick()
    made.see(sessions={})
    made.ends = submits
    made.settle()
    assert [a.outcome for a in made.status("it").attempts] == ["lost", "landed"]


def test_landed_stays_landed_when_the_task_is_edited_or_removed() -> None:
    made = life(task("it"))
    made.settle()
    made.change("it", generation=BlobId("g2"))
    made.settle()
    del made.tasks[TaskId("it")]
    made.settle()
    assert made.phases() == {"it": "landed"}
    assert made.started() == ["it"]


def test_a_freeze_stops_starts_and_landings_and_not_what_runs() -> None:
    made = life(task("a"), task("b", depends_on=(TaskId("a"),)), ends=never_ends)
    made.tick()
    made.see(freeze=Freeze("pat", made.now))
    made.ends = submits
    made.settle()
    assert made.started() == ["a"]
    assert made.phases()["a"] == "queued"
    assert made.landed() == []
    made.see(freeze=None)
    made.settle()
    assert made.landed() == ["a", "b"]


def test_a_crash_after_any_tick_that_loses_its_record_comes_to_the_same_end() -> None:
    """The effects of a tick happened, its state commit did not."""
    whole = life(task("a"), task("b", depends_on=(TaskId("a"),)))
    whole.settle()
    for number in range(1, 25):
        made = life(task("a"), task("b", depends_on=(TaskId("a"),)))
        for _ in range(number):
            before = made.observed
            made.tick()
        # letting go comes after the record
        made.see(
            statuses=before.statuses,
            entries=before.entries,
            sessions={**before.sessions, **without_starts_after(made, before.sessions.keys())},
        )
        made.settle()
        assert made.phases() == whole.phases(), number
        assert made.landed() == ["a", "b"], number
        assert sorted(made.line) == sorted(whole.line), number


def without_starts_after(made: Life, known: object) -> dict:
    """Starts come after the record as well: what the lost tick started is not there."""
    return {id_: s for id_, s in made.observed.sessions.items() if id_ in known}


def test_the_number_of_an_attempt_is_never_used_twice() -> None:
    made = life(task("it"), ends=fails)
    made.settle()
    made.control("it", restart="again")
    made.settle()
    starts = [a for a in made.did if isinstance(a, StartSession)]
    assert [a.spec.attempt for a in starts] == list(range(1, len(starts) + 1))
    assert len({a.spec.id for a in starts}) == len(starts)
    assert replace(made.status("it")) == made.status("it")


def test_a_restart_of_a_running_task_starts_it_once_more_and_not_again_and_again() -> None:
    made = life(task("it"), ends=never_ends)
    made.tick()
    made.control("it", restart="once")
    made.tick()
    made.ends = submits
    made.settle()
    assert made.started() == ["it", "it"]
    assert [a.outcome for a in made.status("it").attempts][1:] == ["landed"]
