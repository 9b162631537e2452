"""The engine has copies of its own of what open work stands on, whatever becomes of the person's objects."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from person_repository import Person

from swarmgit.adapters.background import Threads
from swarmgit.adapters.git.engine import GitEngine, engine_git
from swarmgit.adapters.git.keeping import AGAIN_S, LOOSE_MAX, TRIES_MAX, Keeper
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import Git
from swarmgit.model.ids import CommitId

T = TypeVar("T")


@pytest.fixture
def engine(person: Person) -> Iterator[GitEngine]:
    objects = GitObjects(Git(person.common_dir))
    made = GitEngine(engine_git(person.live, person.common_dir), objects, durable=False)
    yield made
    made.close()
    objects.close()


def alone(engine: GitEngine, commit: str) -> int:
    """Return how many objects of a commit the engine can read without the person's repository; fail on one it cannot."""
    alternates = engine.git.git_dir / "objects" / "info" / "alternates"
    text = alternates.read_text()
    alternates.write_text("")
    try:
        listed = git(engine, "ls-tree", "-r", "-t", "--format=%(objectname)", commit)
        read = git(engine, "cat-file", "--batch-check", stdin=listed)
        assert "missing" not in read
        return len(read.splitlines())
    finally:
        alternates.write_text(text)


def git(engine: GitEngine, *args: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(engine.git.git_dir), *args], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kept(engine: GitEngine, *commits: str) -> Keeper:
    background = Threads(lambda: None)
    keeper = Keeper(engine.objects, background)
    keeper.keep(frozenset(map(CommitId, commits)))
    background.wait()
    return keeper


def loose(engine: GitEngine) -> set[str]:
    return {path.name for path in (engine.git.git_dir / "objects").glob("??/*")}


def commit(person: Person, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = person.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    person.git("add", "-A")
    person.git("commit", "-q", "-m", "more")
    return person.git("rev-parse", "HEAD")


@pytest.mark.parametrize("packed", [False, True])
def test_a_base_is_owned_with_its_tree_and_not_its_history(person: Person, engine: GitEngine, packed: bool) -> None:
    first = person.git("rev-parse", "HEAD")
    base = commit(person, {"a/b/c.txt": "deep\n", "d.txt": "d\n"})
    if packed:
        person.git("gc", "-q", "--prune=now")

    kept(engine, base)

    assert alone(engine, base) >= 4
    with pytest.raises(AssertionError):
        alone(engine, first)


def test_many_files_are_copied_as_one_pack(person: Person, engine: GitEngine) -> None:
    base = commit(person, {f"many/{number}.txt": f"{number}\n" for number in range(LOOSE_MAX + 50)})

    kept(engine, base)

    assert alone(engine, base) > LOOSE_MAX
    assert len(list((engine.git.git_dir / "objects" / "pack").glob("*.pack"))) == 1


def test_the_next_base_costs_what_differs_from_one_that_is_owned(person: Person, engine: GitEngine) -> None:
    first = commit(person, {f"some/{number}.txt": f"{number}\n" for number in range(50)})
    keeper = kept(engine, first)
    before = loose(engine)
    second = commit(person, {"some/7.txt": "other\n"})

    keeper.keep(frozenset({CommitId(second)}))

    assert len(loose(engine) - before) == 4  # the commit, the root, the folder, the file
    assert alone(engine, second) > 50
    assert keeper.owned() == {second}


def test_an_object_that_cannot_be_read_leaves_its_commit_unowned(person: Person, engine: GitEngine) -> None:
    base = commit(person, {"it.txt": "it\n"})
    oid = person.git("rev-parse", "HEAD:it.txt")
    path = person.common_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:8])

    assert kept(engine, base).owned() == frozenset()


class Busy:
    """A background in which everything else is served first, for so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def run(self, name: str, what: object, work: Callable[[], T]) -> T | None:
        self.left -= 1
        return work() if self.left < 0 else None

    def wait(self, timeout_s: float | None = None) -> bool:
        return True


def test_waiting_for_another_copy_is_no_try_and_what_failed_is_tried_again_after_minutes(
    person: Person, engine: GitEngine
) -> None:
    base = commit(person, {f"many/{number}.txt": f"{number}\n" for number in range(LOOSE_MAX + 50)})
    now = 0.0
    keeper = Keeper(engine.objects, Busy(3 * TRIES_MAX), lambda: now)
    blob = person.git("rev-parse", "HEAD:many/7.txt")
    path = person.common_dir / "objects" / blob[:2] / blob[2:]
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(good[:8])
    for _ in range(3 * TRIES_MAX + TRIES_MAX + 2):
        keeper.keep(frozenset({CommitId(base)}))
    assert keeper.owned() == frozenset()
    path.write_bytes(good)
    keeper.keep(frozenset({CommitId(base)}))
    assert keeper.owned() == frozenset()  # it has failed often enough
    now = AGAIN_S
    keeper.keep(frozenset({CommitId(base)}))
    assert keeper.owned() == {base}


def test_what_was_owned_outlives_a_collection_of_the_persons_repository(person: Person, engine: GitEngine) -> None:
    base = commit(person, {"it.txt": "it\n"})
    kept(engine, base)
    person.git("reset", "-q", "--hard", "HEAD~1")
    person.git("reflog", "expire", "--all", "--expire=now")
    person.git("gc", "-q", "--prune=now")

    assert alone(engine, base) >= 1
    assert engine.objects.kind(base) == "commit"


def test_the_refs_of_what_is_owned_are_refs_to_git(person: Person, engine: GitEngine) -> None:
    base = commit(person, {"it.txt": "it\n"})
    kept(engine, base)

    assert git(engine, "for-each-ref", "--format=%(objectname) %(refname)") == f"{base} refs/swarm/owned/{base}\n"
    assert Path(engine.git.git_dir, "refs/swarm/owned", base).read_text() == f"{base}\n"
