"""Refs and locks of swarmgit's own, as power cuts and kills leave them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from person_repository import Person

from swarmgit.adapters.aside import aside
from swarmgit.adapters.git.engine import GitEngine
from swarmgit.adapters.git.others import is_git_at_work
from swarmgit.adapters.git.upkeep import GitUpkeep
from swarmgit.errors import TryLater

SALVAGE = "refs/swarm/salvage/t/s"
BROKEN = {"empty": b"", "zeros": bytes(41), "garbage": b"no commit\n", "cut": b"1234abcd"}


@pytest.fixture
def engine(person: Person) -> Iterator[GitEngine]:
    made = person.engine()
    yield made
    person.close()


@pytest.fixture
def upkeep(person: Person, engine: GitEngine) -> GitUpkeep:
    return GitUpkeep(person.objects(), engine)


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1, 1))
    return path


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("kind", ["salvage", "candidate", "submitted", "sessions", "abandoned"])
def test_a_ref_that_says_nothing_is_named_and_removed(
    person: Person, upkeep: GitUpkeep, kind: str, content: bytes
) -> None:
    name = f"refs/swarm/{kind}/t/s"
    put(person.common_dir, name, content)
    assert [fault.name for fault in upkeep.faults()] == [name]
    upkeep.heal()
    assert upkeep.faults() == ()
    assert not (person.common_dir / name).exists()


@pytest.mark.parametrize("content", [b"", b"1" * 40 + b"\n"], ids=["empty", "dangling"])
@pytest.mark.parametrize("kind", ["salvage", "abandoned", "submitted"])
def test_a_ref_of_work_is_put_back_from_what_was_captured(
    person: Person, engine: GitEngine, upkeep: GitUpkeep, kind: str, content: bytes
) -> None:
    engine.pin({"refs/swarm/captured/t/s": person.head()})
    put(person.common_dir, f"refs/swarm/{kind}/t/s", content)
    upkeep.heal()
    assert person.head(f"refs/swarm/{kind}/t/s") == person.head()


def test_a_ref_of_lost_work_stays_and_is_named_and_a_derived_one_goes(person: Person, upkeep: GitUpkeep) -> None:
    for name in (SALVAGE, "refs/swarm/candidate/e"):
        put(person.common_dir, name, b"1" * 40 + b"\n")
    assert len(upkeep.faults()) == 2
    upkeep.heal()
    assert [(fault.name, fault.is_derived) for fault in upkeep.faults()] == [(SALVAGE, False)]


@pytest.mark.parametrize("kind", ["sessions", "kept/states", "candidate"])
def test_a_ref_to_nothing_that_is_no_work_goes_so_that_git_can_collect(
    person: Person, upkeep: GitUpkeep, kind: str
) -> None:
    put(person.common_dir, f"refs/swarm/{kind}/s", b"1" * 40 + b"\n")
    upkeep.heal()
    assert upkeep.faults() == ()
    person.git("gc", "-q")


@pytest.mark.parametrize("lost", ["{head}", "{head}^{{tree}}", "{head}:new.txt", "{head}~1"])
def test_a_ref_of_which_anything_is_missing_is_found_and_dropped_with_a_note(
    person: Person, upkeep: GitUpkeep, lost: str
) -> None:
    middle = person.make("main", {"middle.txt": "middle\n"})
    head = person.make(middle, {"new.txt": "new\n"})
    person.git("update-ref", SALVAGE, head)
    gone = person.git("rev-parse", lost.format(head=head))
    (person.common_dir / "objects" / gone[:2] / gone[2:]).unlink()

    found = upkeep.faults(thorough=True)

    assert [fault.name for fault in found] == [SALVAGE]
    upkeep.drop(found)
    assert upkeep.faults(thorough=True) == ()
    assert (person.live / "lost-refs").read_text() == f"{head} {SALVAGE}\n"
    person.git("gc", "-q")


LOCKS = ("HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock", "gc.pid", "refs/swarm/captured/t/s.lock")


def test_locks_in_the_engine_and_on_refs_of_ours_go_and_a_persons_stay(
    person: Person, engine: GitEngine, upkeep: GitUpkeep
) -> None:
    ours = [put(engine.git.git_dir, name, b"") for name in LOCKS]
    ours += [put(person.common_dir, f"refs/swarm/{name}.lock", b"") for name in ("candidate/e", "submitted/t/s")]
    theirs = [put(person.common_dir, name, b"") for name in ("index.lock", "refs/heads/other.lock", "packed-refs.lock")]
    upkeep.heal()
    assert [path for path in ours if path.exists()] == []
    assert all(path.exists() for path in theirs)


def test_a_lock_that_a_live_process_holds_stays(person: Person, upkeep: GitUpkeep) -> None:
    lock = put(person.common_dir, f"{SALVAGE}.lock", b"")
    with lock.open():
        upkeep.heal()
        assert lock.exists()
    upkeep.heal()
    assert not lock.exists()


def test_a_young_lock_stays(person: Person, upkeep: GitUpkeep) -> None:
    lock = put(person.common_dir, f"{SALVAGE}.lock", b"")
    os.utime(lock)
    upkeep.heal()
    assert lock.exists()


def test_a_broken_line_in_the_engines_packed_refs_costs_that_line(
    person: Person, engine: GitEngine, upkeep: GitUpkeep
) -> None:
    engine.pin({"refs/swarm/captured/t/s": person.head(), "refs/swarm/captured/t/u": person.head()})
    engine.git.out("pack-refs", "--all")
    packed = engine.git.git_dir / "packed-refs"
    packed.write_bytes(packed.read_bytes() + b"half a li\n")
    upkeep.heal()
    engine.close()
    assert len(engine.pins()) == 2


@pytest.mark.parametrize(
    ("key", "value", "mirrors"),
    [
        ("remote.backup.mirror", "true", True),
        ("remote.backup.push", "+refs/*:refs/*", True),
        ("remote.backup.fetch", "+refs/*:refs/*", True),
        ("remote.backup.push", "refs/swarm/*:refs/swarm/*", True),
        ("remote.backup.fetch", "+refs/heads/*:refs/remotes/backup/*", False),
        ("remote.backup.mirror", "false", False),
    ],
)
def test_remotes_that_take_refs_of_ours_along_are_named(
    person: Person, upkeep: GitUpkeep, key: str, value: str, mirrors: bool
) -> None:
    person.git("config", "--add", key, value)
    assert upkeep.mirrors() == (("backup",) if mirrors else ())


def test_what_a_killed_process_left_aside_is_swept(engine: GitEngine, upkeep: GitUpkeep) -> None:
    live = engine.git.git_dir.parent
    with aside(live) as made:
        put(made, "objects/x", b"x")
        upkeep.heal()
        assert not made.exists()
    assert not list(live.glob("aside-*"))


def withdrawn(person: Person, engine: GitEngine) -> bool:
    name = "refs/swarm/submitted/t/s"
    person.git("update-ref", name, "HEAD")
    with suppress(TryLater):
        engine.withdraw((name,))
    return person.git("for-each-ref", name) == ""


def test_a_lock_on_packed_refs_that_a_killed_git_left_stops_no_withdrawal(person: Person, engine: GitEngine) -> None:
    left = [put(person.common_dir, name, b"") for name in ("packed-refs.lock", "packed-refs.new")]
    assert withdrawn(person, engine)
    assert not any(path.exists() for path in left)


def test_a_file_of_a_packing_that_was_killed_stops_no_withdrawal(person: Person, engine: GitEngine) -> None:
    person.git("update-ref", "refs/swarm/submitted/t/s", "HEAD")
    person.git("pack-refs", "--all", "--prune")
    put(person.common_dir, "packed-refs.new", b"half")
    engine.withdraw(("refs/swarm/submitted/t/s",))
    assert person.git("for-each-ref", "refs/swarm") == ""
    person.git("pack-refs", "--all", "--prune")


@pytest.mark.slow
def test_a_lock_on_packed_refs_that_may_be_held_stays(person: Person, engine: GitEngine) -> None:
    lock = person.common_dir / "packed-refs.lock"
    lock.touch()
    assert not withdrawn(person, engine), "it is young"

    put(person.common_dir, lock.name, b"")
    script = f"exec 3<&0; git -C '{person.top}' cat-file --batch <&3 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
        try:
            while not is_git_at_work(person.common_dir):
                time.sleep(0.01)
            assert not withdrawn(person, engine), "another git is at work there"
            assert lock.exists()
        finally:
            os.kill(pid, signal.SIGKILL)
    assert withdrawn(person, engine)
