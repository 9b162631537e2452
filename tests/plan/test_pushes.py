"""Pushing, in values: the remote decides, a remote that is away holds nobody, and nothing is tried for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from values import Life, entry_of, life, task

from swarmgit.model.actions import Land, Retire, StartPush, StopSession
from swarmgit.model.control import Freeze, QueueControl
from swarmgit.model.desired import PushConfig
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.sessions import Session
from swarmgit.model.work import Push, Pushed
from swarmgit.plan.pushes import LOST_MAX, MINUTES_MAX, standing

AWAY = Pushed("failed", "no route to host")


def pushing(*names: str, refuses: Callable[[Push], Pushed | None] = lambda push: None, **fields: object) -> Life:
    made = life(*(task(name) for name in names), refuses=refuses, **fields)
    made.swarm = replace(made.swarm, push=PushConfig("origin"))
    return made


def pushes(made: Life) -> list[Push]:
    return [a.spec.push for a in made.did if isinstance(a, StartPush) and a.spec.push]


def state(made: Life) -> tuple[str, int, str]:
    found = standing(made.swarm, made.observed)
    assert found is not None
    return found.state, found.unpushed, found.text


def add(made: Life, name: str) -> None:
    made.tasks[TaskId(name)] = task(name)


def until_push(made: Life) -> StartPush:
    """Tick until a push is about to start."""
    for _ in range(100):
        found = [a for a in made.decide().actions if isinstance(a, StartPush)]
        if found:
            return found[0]
        made.tick()
    raise AssertionError("nothing is pushed")


def test_nothing_is_pushed_that_nobody_asked_to_push() -> None:
    made = life(task("a"))
    made.settle()
    assert pushes(made) == []
    assert standing(made.swarm, made.observed) is None


def test_the_target_moves_only_to_what_the_remote_took() -> None:
    made = pushing("a")
    until_push(made)
    assert made.line == ["root"]
    assert not any(isinstance(a, Land) for a in made.did)
    made.settle()
    assert made.line == made.remote_line == ["root", "root+a"]
    assert len(pushes(made)) == 1
    assert made.observed.sessions == {}


def test_what_others_pushed_is_recorded_followed_and_built_upon() -> None:
    made = pushing("a")
    made.known_remote = CommitId("root")
    made.remote_line.append(CommitId("theirs"))
    made.settle()
    assert made.line == made.remote_line == ["root", "theirs", "theirs+a"]
    assert made.followed == ["theirs"]
    assert "abandoned" in [event.kind for event in entry_of(made, "a").events]


def test_a_remote_that_is_away_holds_nobody_and_is_not_asked_all_the_time() -> None:
    made = pushing("a", refuses=lambda push: AWAY)
    made.known_remote = CommitId("root")
    made.settle()
    assert made.landed() == ["a"]
    assert state(made) == ("unreachable", 1, "1 commit not pushed to origin/main: no route to host")
    count = len(pushes(made))
    assert count <= 2
    for _ in range(60):
        made.tick()
    assert len(pushes(made)) <= count + 4, "the wait doubles"
    made.refuses = lambda push: None
    made.now += timedelta(minutes=11)
    made.settle()
    assert made.remote_line == ["root", "root+a"]
    assert state(made)[0] == "even"


def test_a_new_reconcile_asks_a_remote_that_was_away_at_once() -> None:
    made = pushing("a", refuses=lambda push: AWAY)
    made.settle()
    made.refuses = lambda push: None
    made.see(trusted_since=made.now)
    made.now += timedelta(seconds=0.5)
    made.settle()
    assert made.remote_line == ["root", "root+a"]


def test_what_the_remote_refuses_does_not_land_and_needs_a_person() -> None:
    made = pushing("a", refuses=lambda push: Pushed("rejected", "protected branch"))
    made.known_remote = CommitId("root")
    assert made.settle().needs_person
    assert made.line == ["root"]
    assert "origin/main does not take it: protected branch" in made.status("a").reason
    assert state(made)[0] == "refused"
    assert len(pushes(made)) == 1


def test_histories_that_went_apart_wait_for_a_person_with_the_command() -> None:
    made = pushing("a")
    made.known_remote = CommitId("theirs")
    made.remote_line.append(CommitId("theirs"))
    made.commit_by_hand("mine")
    assert made.settle().needs_person
    assert made.line == ["root", "mine"]
    assert "git pull --no-rebase origin main" in made.status("a").reason
    assert pushes(made) == []


def test_a_push_that_is_lost_is_made_again_and_not_for_ever() -> None:
    made = pushing("a", refuses=lambda push: Pushed("failed", "lost"))
    made.known_remote = CommitId("root")
    made.settle()
    assert LOST_MAX <= len(pushes(made)) <= LOST_MAX + 1
    assert made.landed() == ["a"]
    assert "killed from outside" in state(made)[2]


def test_while_a_push_runs_nothing_else_is_pushed_and_nothing_lands() -> None:
    made = pushing("a", "b")
    start = until_push(made)
    made.tick()
    made.see(sessions={start.spec.id: Session.of(start.spec, "running")})
    made.known_remote = CommitId("root")
    made.remote_line[:] = ["root"]
    before = len(pushes(made))
    for _ in range(10):
        made.tick()
    assert len(pushes(made)) == before
    assert made.line == ["root"]
    assert state(made)[0] == "pushing"


def test_a_push_that_hangs_is_stopped_and_one_whose_start_was_cut_off_is_started_again() -> None:
    made = pushing("a")
    start = until_push(made)
    made.see(sessions={start.spec.id: Session.of(start.spec, "running")})
    made.now += timedelta(minutes=MINUTES_MAX)
    assert [a.session for a in made.decide().actions if isinstance(a, StopSession)] == [start.spec.id]
    made.now = start.spec.started + timedelta(seconds=5)
    made.see(sessions={start.spec.id: Session.of(start.spec, "starting")})
    (again,) = (a for a in made.decide().actions if isinstance(a, StartPush))
    assert (again.spec, again.entry) == (start.spec, entry_of(made, "a").id)


@pytest.mark.parametrize("brake", ["freeze", "queue_control"])
def test_no_push_starts_while_landings_are_held(brake: str) -> None:
    made = pushing("a", refuses=lambda push: AWAY)
    made.settle()
    made.refuses = lambda push: None
    made.did.clear()
    held = Freeze("pat", made.now) if brake == "freeze" else QueueControl(paused=True)
    made.see(**{brake: held})
    made.now += timedelta(hours=1)
    made.settle()
    assert pushes(made) == []


def test_without_a_remote_in_the_settings_what_waited_for_it_lands_and_its_pushes_are_let_go() -> None:
    made = pushing("a", refuses=lambda push: Pushed("rejected", "no"))
    made.known_remote = CommitId("root")
    made.settle()
    made.swarm = replace(made.swarm, push=PushConfig())
    made.see(remote=None)
    made.settle()
    assert made.landed() == ["a"]
    assert any(isinstance(a, Retire) for a in made.did)
    assert made.observed.sessions == {}


@pytest.mark.parametrize("cut", range(14))
def test_a_tick_that_is_cut_off_anywhere_around_a_push_changes_nothing_of_the_end(cut: int) -> None:
    made = pushing("a", "b")
    made.known_remote = CommitId("root")
    made.remote_line.append(CommitId("theirs"))
    until_push(made)
    for _ in range(6):
        made.tick_until_cut(cut)
    made.settle()
    assert made.line[-1] == made.remote_line[-1]
    assert sorted(made.landed()) == ["a", "b"]
    assert made.followed == ["theirs"] * len(made.followed)
