"""Whether what open work stands on can be had: looked at closely where something failed over objects, and then once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from person_repository import Person

from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.integrity import GitIntegrity
from swarmgit.adapters.git.objects import MissingObject
from swarmgit.adapters.git.run import GitFailed, OutOfTime
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.ids import CommitId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Late:
    """A background whose work is done when the test says so."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.may_work = False

    def run(self, name: str, what: object, work: Callable[[], Any]) -> Any:
        self.asked.append(what)
        return work() if self.may_work else None

    def wait(self, timeout_s: float | None = None) -> bool:
        return True


@pytest.fixture
def engine(person: Person) -> Iterator[GitEngine]:
    made = person.engine()
    yield made
    made.close()


def spoil(person: Person, spec: str) -> None:
    oid = person.git("rev-parse", spec)
    path = person.common_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:8])


def wrapped(error: Exception) -> SwarmError:
    try:
        raise PersonMustAct("no worktree") from error
    except PersonMustAct as made:
        return made


ABOUT_OBJECTS = [MissingObject("x"), GitFailed(("read-tree",), 128, ""), wrapped(MissingObject("x"))]
OTHERS = [OSError(28, "full"), OutOfTime(("pack-objects",), -1, ""), KeyError("a bug"), PersonMustAct("no sandbox")]


@pytest.mark.parametrize("error", [*ABOUT_OBJECTS, *OTHERS], ids=repr)
def test_only_what_fails_over_objects_makes_anybody_look_closer(
    person: Person, engine: GitEngine, error: Exception
) -> None:
    late, head = Late(), CommitId(person.head())
    integrity = GitIntegrity(engine.objects, lambda: None, late, is_leader=True)
    integrity.doubt([head], error)
    integrity.missing({head}, head, NOW)
    assert bool(late.asked) == (error in ABOUT_OBJECTS)


def test_a_closer_look_is_beside_the_tick_and_finds_what_is_broken_in_what_many_commits_share(
    person: Person, engine: GitEngine
) -> None:
    late, first = Late(), CommitId(person.commit({"a/shared.txt": "shared\n"}))
    second, fine = CommitId(person.commit({"other.txt": "o\n"})), CommitId(person.make("HEAD~2", {"fine.txt": "f\n"}))
    integrity = GitIntegrity(engine.objects, lambda: None, late, is_leader=True)
    spoil(person, f"{first}:a/shared.txt")
    wanted = frozenset({first, second, fine})
    integrity.doubt(wanted, MissingObject("x"))

    assert integrity.missing(wanted, fine, NOW) == {}
    late.may_work = True
    found = integrity.missing(wanted, fine, NOW)

    assert {commit: lack.kind for commit, lack in found.items()} == {first: "broken", second: "broken"}
    assert len(late.asked) == 2
    assert integrity.missing(wanted, fine, NOW) == found
    assert len(late.asked) == 2
