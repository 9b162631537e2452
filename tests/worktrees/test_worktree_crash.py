"""A kill between any two steps leaves something that the next attempt handles, and nothing leaks twice."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from worktree_world import Killed, World, git, snapshot, write_files

from swarmgit.model.ids import CommitId, SessionId

Act = Callable[[World], object]


def prepare(root: Path) -> tuple[World, str]:
    world = World(root)
    first = world.commit({"a": "a\n", "b/c": "c\n", ".gitignore": ".venv/\n"})
    world.lease("old", first, setup=("x",))
    write_files(world.store / "agents/0001/tree", {".venv/p": "p", "junk": "j", "a": "dirty"})
    world.set_up("old", ".venv")
    write_files(world.store / "agents/0001/tree", {".venv/p": "poison", ".venv/q": "q"})
    world.release("old")
    return world, world.commit({"a": "a2\n"})


def lease_recycled(world: World, commit: str) -> None:
    world.lease("s1", commit, setup=("x",))


def lease_new(world: World, commit: str) -> None:
    world.lease("s0", commit)
    world.lease("s1", commit)


def lease_and_capture(world: World, commit: str) -> None:
    tree = world.lease("s1", commit).tree
    write_files(tree, {"a": "work\n", "new": "n\n"})
    world.capture("s1")


def lease_and_release(world: World, commit: str) -> None:
    world.lease("s1", commit)
    world.release("s1")


def lease_and_discard(world: World, commit: str) -> None:
    world.lease("s1", commit)
    world.release("s1", discard=True)


ACTS = [lease_recycled, lease_new, lease_and_capture, lease_and_release, lease_and_discard]


def steps_of(root: Path, act: Callable[[World, str], None]) -> list[str]:
    world, commit = prepare(root)
    world.steps.clear()
    act(world, commit)
    return world.steps


def outcome(world: World, commit: str) -> tuple[object, object]:
    tree = world.lease("s1", commit).tree
    assert git("status", "--porcelain", cwd=tree, home=world.root).count("\n") <= 1
    return snapshot(tree), world.capture("s1")


@pytest.mark.default_cases("lease_and_capture")
@pytest.mark.parametrize("act", ACTS)
def test_a_kill_at_any_step_changes_nothing_in_the_end(tmp_path: Path, act: Callable[[World, str], None]) -> None:
    steps = steps_of(tmp_path / "plain", act)
    assert steps
    for number, step in enumerate(steps):
        world, commit = prepare(tmp_path / str(number))
        world.fault_at = step
        with pytest.raises(Killed):
            act(world, commit)
        world.fault_at = None
        world.reopen()
        act(world, commit)
        if act in {lease_recycled, lease_new}:
            tree = world.trees.path(SessionId("s1"))
            assert tree is not None
            found = snapshot(tree)
            assert {name for name in found if not name.startswith(".venv")} == {"a", "b", "b/c", ".gitignore"}
            assert found["a"] == ("file", 0, b"a2\n")
        world.trees.gc(10)
        states = [path.name for path in (world.store / "agents").iterdir()]
        assert len(states) <= 3
        assert list((world.store / "trash").iterdir()) == []
        assert not any(name.startswith(".new") for name in states)


def test_a_kill_while_capturing_gives_the_same_commit_afterwards(tmp_path: Path) -> None:
    world, commit = prepare(tmp_path)
    tree = world.lease("s1", commit).tree
    write_files(tree, {"a": "work\n", "new": "n\n"})
    os.mkfifo(tree / "pipe")
    expected = world.capture("s1")
    for step in ("capture:scanned", "capture:staged", "capture:committed"):
        world.fault_at = step
        with pytest.raises(Killed):
            world.capture("s1")
        world.fault_at = None
        world.reopen()
        assert world.capture("s1") == expected


def test_what_a_kill_left_of_someone_elses_filling_is_thrown_away(tmp_path: Path) -> None:
    world, commit = prepare(tmp_path)
    world.fault_at = "worktree:checked-out"
    with pytest.raises(Killed):
        world.lease("s1", commit)
    world.fault_at = None
    world.reopen()
    assert world.trees.leases() == {}
    assert world.trees.path(SessionId("s1")) is None
    tree = world.lease("s2", commit).tree
    assert (tree / "a").read_text() == "a2\n"
    assert not (tree / "junk").exists()
    assert world.trees.leases() == {SessionId("s2"): tree}


def test_a_lock_of_a_killed_git_in_the_slot_is_no_obstacle(tmp_path: Path) -> None:
    world, commit = prepare(tmp_path)
    (world.store / "agents/0001/index.lock").write_text("")
    (world.store / "agents/0001/work-left").mkdir()
    tree = world.lease("s1", CommitId(commit)).tree
    assert (tree / "a").read_text() == "a2\n"
    assert sorted(path.name for path in tree.parent.iterdir()) == ["index", "slot.json", "tree"]
