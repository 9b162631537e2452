"""A renamed task file keeps its story, whatever its task was doing when its file got another name."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace
from values import Life, changes_nothing, fails, life, never_ends, submits, task

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Convoy, Scope
from swarmgit.model.failures import Failures
from swarmgit.model.ids import BlobId, ConvoyId, TaskId
from swarmgit.model.sessions import Session

OLD, NEW, THIRD = TaskId("old"), TaskId("new"), TaskId("third")


def rename(made: Life, old: str, new: str, **fields: object) -> None:
    """Give a task's file another name, in place."""
    same = made.tasks.pop(TaskId(old))
    made.tasks[TaskId(new)] = replace(same, id=TaskId(new), path=f".swarm/tasks/{new}.yaml", **fields)


def begun(**fields: object) -> Life:
    """Return a swarm with one task whose content nothing else has."""
    owns = Scope(owns=("old.txt", "new.txt"))
    return life(task("old", generation=BlobId("its content"), scope=owns), **fields)  # type: ignore[arg-type]


def test_a_landed_task_keeps_its_landing_and_does_not_run_again() -> None:
    made = begun()
    made.settle()
    before = made.status("old")
    rename(made, "old", "new")
    made.settle()

    assert made.phases() == {"new": "landed"}
    after = made.status("new")
    assert (after.landed_commit, after.attempts, after.finished) == (
        before.landed_commit,
        before.attempts,
        before.finished,
    )
    assert (after.renamed_from, after.renamed_to) == ((OLD,), None)
    assert after.reason == f"{before.reason}; renamed from old"
    assert made.started() == ["old"]
    assert made.landed() == ["old"]


def test_a_task_that_has_failed_stays_failed_with_its_attempts() -> None:
    made = begun(ends=fails)
    made.settle()
    before = made.status("old")
    rename(made, "old", "new")
    made.settle()

    assert made.phases() == {"new": "failed"}
    assert made.status("new").attempts == before.attempts
    assert made.started() == ["old"] * 3


def test_the_next_attempt_is_made_under_the_new_name_and_counts_on() -> None:
    made = begun(ends=lambda session: fails(session) if session.spec.attempt == 1 else submits(session))
    made.control("old", paused=False)
    made.tick()
    made.control("old", paused=True, by="pat")
    made.settle()
    assert made.phases() == {"old": "rework"}
    rename(made, "old", "new")
    made.settle()

    assert made.phases() == {"new": "rework"}, "it is paused under its new name too"
    made.see(controls={})
    made.settle()
    assert made.phases() == {"new": "landed"}
    assert [(a.number, a.outcome) for a in made.status("new").attempts] == [(1, "failed"), (2, "landed")]
    assert made.started() == ["old", "new"]


def test_a_session_at_work_goes_on_and_its_task_lands_once() -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new")
    made.tick()
    made.tick()
    assert made.phases() == {"old": "running"}
    assert made.status("old").renamed_to == NEW
    made.ends = submits
    made.settle()

    assert made.phases() == {"new": "landed"}
    assert (made.started(), made.landed()) == (["old"], ["old"])
    assert made.status("new").renamed_from == (OLD,)


@pytest.mark.parametrize("ticks", range(1, 12))
def test_at_whatever_instant_a_file_is_renamed_its_task_lands_once(ticks: int) -> None:
    made = begun()
    for _ in range(ticks):
        made.tick()
    rename(made, "old", "new")
    made.settle()

    assert made.phases() == {"new": "landed"}
    assert (len(made.started()), len(made.landed())) == (1, 1)


@pytest.mark.parametrize("cut", range(6))
@pytest.mark.parametrize("ticks", [1, 2, 4, 6, 9])
def test_a_kill_while_it_is_renamed_changes_nothing(ticks: int, cut: int) -> None:
    made = begun()
    for _ in range(ticks):
        made.tick()
    rename(made, "old", "new")
    for _ in range(3):
        made.tick_until_cut(cut)
    made.settle()

    assert made.phases() == {"new": "landed"}
    assert (len(made.started()), len(made.landed())) == (1, 1)


def test_an_edit_of_the_new_file_does_not_part_it_from_work_that_goes_on() -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new")
    made.tick()
    made.change("new", generation=BlobId("edited"))
    made.ends = submits
    made.settle()

    assert made.phases() == {"new": "landed"}
    assert made.started() == ["old"]


def test_a_chain_of_renames_and_the_way_back_keep_the_story() -> None:
    made = begun()
    made.settle()
    rename(made, "old", "new")
    made.settle()
    rename(made, "new", "third")
    made.settle()
    assert made.status("third").renamed_from == (OLD, NEW)
    rename(made, "third", "old")
    made.settle()

    assert made.phases() == {"old": "landed"}
    assert made.status("old").renamed_from == (OLD, NEW, THIRD)
    assert made.started() == ["old"]


def test_the_way_back_while_a_session_is_at_work_is_as_if_nothing_had_been() -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new")
    made.tick()
    rename(made, "new", "old")
    made.tick()
    assert made.status("old").renamed_to is None
    made.ends = submits
    made.settle()

    assert made.phases() == {"old": "landed"}
    assert made.started() == ["old"]


def test_a_rename_with_an_edit_is_a_removed_and_a_new_task() -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new", generation=BlobId("other content"))
    made.ends = submits
    made.settle()

    assert made.phases() == {"new": "landed", "old": "cancelled"}


def test_where_two_new_files_have_the_content_nobody_guesses() -> None:
    made = begun(ends=never_ends)
    made.tick()
    made.tasks[THIRD] = task("third", generation=BlobId("its content"))
    rename(made, "old", "new")
    made.ends = submits
    made.settle()

    assert made.phases() == {"new": "landed", "old": "cancelled", "third": "landed"}


def test_what_depends_on_the_new_name_waits_for_the_work_under_the_old_one() -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new")
    made.tasks[THIRD] = task("third", generation=BlobId("g3"), depends_on=(NEW,))
    made.tick()
    made.tick()
    assert made.started() == ["old"]
    made.ends = submits
    made.settle()

    assert made.phases() == {"new": "landed", "third": "landed"}
    assert made.landed() == ["old", "third"]


def test_a_convoy_that_names_the_new_file_counts_the_work_under_the_old_one() -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new")
    made.convoys[ConvoyId("c")] = Convoy(ConvoyId("c"), "All", tasks=(NEW,))
    made.tick()
    assert made.observed.convoys[ConvoyId("c")].members == {"old": "running"}
    made.ends = submits
    made.settle()

    progress = made.observed.convoys[ConvoyId("c")]
    assert (progress.state, progress.members) == ("closed", {"new": "landed"})


@pytest.mark.parametrize("name", ["old", "new"])
def test_a_person_cancels_it_by_either_name_while_it_is_at_work(name: str) -> None:
    made = begun(ends=never_ends)
    made.tick()
    rename(made, "old", "new")
    made.tick()
    made.control(name, cancelled=True, by="pat")
    made.settle()

    assert made.phases() == {"new": "cancelled"}
    assert made.started() == ["old"]


def test_a_task_that_was_removed_comes_back_with_its_attempts_by_another_name() -> None:
    made = begun(ends=never_ends)
    made.tick()
    content = made.tasks.pop(OLD).generation
    made.settle()
    assert made.phases() == {"old": "cancelled"}
    made.tasks[NEW] = task("new", generation=content)
    made.ends = submits
    made.settle()

    assert made.phases() == {"new": "landed"}
    assert [a.outcome for a in made.status("new").attempts] == ["cancelled", "landed"]


def test_a_move_into_a_folder_changes_nothing() -> None:
    made = begun()
    made.settle()
    made.change("old", path=".swarm/tasks/folder/old.yaml")
    did = len(made.did)
    made.settle()

    assert (made.phases(), made.did[did:]) == ({"old": "landed"}, [])


def test_while_a_step_of_it_is_tried_again_it_keeps_its_name() -> None:
    made = begun(ends=changes_nothing)
    made.settle()
    made.see(failures={"old": Failures("old")})
    rename(made, "old", "new")
    made.tick()
    assert made.phases() == {"old": "failed"}
    made.see(failures={})
    made.settle()

    assert made.phases() == {"new": "failed"}


def test_a_session_that_is_not_let_go_of_yet_is_not_taken_for_a_new_task() -> None:
    made = begun()
    made.settle()
    spec = next(action.spec for action in made.did if isinstance(action, StartSession))
    session = Session.of(spec, "ended", exit_code=0, is_finished=True)
    made.see(sessions={**made.observed.sessions, session.spec.id: session})
    rename(made, "old", "new")
    made.settle()

    assert made.phases() == {"new": "landed"}


@pytest.mark.parametrize("seed", range(20))
def test_any_life_with_renames_and_kills_ends_with_each_task_once(seed: int) -> None:
    dice = random.Random(seed)
    made = life(*(task(f"t{n}", generation=BlobId(f"content {n}"), scope=Scope(owns=("**",))) for n in range(4)))
    made.ends = lambda session: {} if dice.random() < 0.3 else dice.choice((submits, submits, fails))(session)
    made.conflicts = lambda _, onto: dice.random() < 0.2
    stories = {name: {name} for name in made.tasks}
    for count in range(60):
        if dice.random() < 0.2:
            name = dice.choice(sorted(made.tasks))
            rename(made, name, f"name{count}")
            stories[TaskId(f"name{count}")] = {*stories.pop(name), TaskId(f"name{count}")}
        made.tick_until_cut(dice.choice((None, None, *range(6))))
    made.ends = submits
    made.settle()

    assert made.observed.statuses.keys() == made.tasks.keys()
    for name, story in stories.items():
        landed = [each for each in made.landed() if each in story]
        assert len(landed) == (made.status(name).phase == "landed")
        assert len({attempt.session for attempt in made.status(name).attempts}) == len(made.status(name).attempts)
