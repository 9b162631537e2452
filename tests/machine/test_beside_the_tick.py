"""What a tick does beside what it is for fails without the tick, and is told once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swarmgit.app.beside import Beside
from swarmgit.app.tick import listen
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.model.ids import SessionId
from swarmgit.model.incidents import Alert
from tests.conftest import Repo


def fail(error: Exception) -> None:
    raise error


def test_a_failure_is_told_once_until_it_works_again_or_differs() -> None:
    notes: list[Alert] = []
    world: Any = SimpleNamespace(
        notices=SimpleNamespace(add=notes.append), failures=SimpleNamespace(keep_trace=lambda *_: "")
    )
    beside = Beside()
    for error in (KeyError("bug"), KeyError("bug"), PersonMustAct("no 1"), PersonMustAct("no 2"), TryLater("soon")):
        beside.do(world, "the checkout", lambda error=error: fail(error))  # type: ignore[misc]
    assert [note.facts["reason"] for note in notes] == ["the checkout: KeyError: 'bug'", "no 1"]
    beside.do(world, "the checkout", lambda: None)
    beside.do(world, "the checkout", lambda: fail(PersonMustAct("no 3")))
    assert len(notes) == 3
    with pytest.raises(MemoryError):
        beside.do(world, "the checkout", lambda: fail(MemoryError()))


def test_a_checkout_for_people_that_cannot_be_written_ends_no_run(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.commit()
    (repo.root / ".swarm/state").write_text("in the way\n")
    done = repo.swarmgit("reconcile", "--timeout", "20", check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert repo.landed() == ["a"]


def test_exactly_the_agents_at_work_ring() -> None:
    rung: set[Path] = set()
    bell: Any = SimpleNamespace(watch=rung.add, unwatch=rung.remove)
    world: Any = SimpleNamespace(executor=SimpleNamespace(folder=Path))

    def session(name: str, kind: str, *, is_over: bool = False) -> Any:
        return SimpleNamespace(spec=SimpleNamespace(id=SessionId(name), kind=kind), is_over=is_over)

    rings: frozenset[SessionId] = frozenset()
    for seen, names in (
        ([session("a", "agent"), session("m", "merge"), session("t", "triage")], {"a"}),
        ([session("a", "agent", is_over=True), session("b", "agent")], {"b"}),
        ([], set()),
    ):
        observed = SimpleNamespace(sessions={each.spec.id: each for each in seen})
        done: Any = SimpleNamespace(observed=observed, outcomes=())
        rings = listen(world, done, bell, rings)
        assert {path.parts[0] for path in rung} == rings == names
