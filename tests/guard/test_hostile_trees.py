"""Trees with hostile names go through capture and judge: taken in or refused, never a crash, and never out of the tree."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmgit.adapters.sandbox.vault import Vault
from swarmgit.adapters.secrets.guard import Guard
from swarmgit.model.desired import Scope, Task
from swarmgit.model.ids import BlobId, SessionId, TaskId
from swarmgit.model.policy import Policy
from swarmgit.plan import scope
from tests.worktrees.worktree_world import World

NAMES = [
    b"a", b"A", b"a.txt", b"-rf", b".git", b".GIT", b"git~1", b".gitmodules", b".gitattributes", b".swarm", b"CLAUDE.md", b"claude.MD",
    b"new\nline", b"tab\there", b"back\\slash", b"\xff\xfe", b"\xe2\x80\x8b.git", b".git ", b".git.", b"con", b"aux.txt", b"a:b", b"*", b"?",
    b'"', b"'", b"$(x)", b"caf\xc3\xa9", b"cafe\xcc\x81", b" ", b"x" * 200, b"~", b"#", b"%s", b"\x7f", b"\x01", b"src",
]  # fmt: skip
LINKS = [b"/etc/passwd", b"../../x", b".git/config", b"a", b".", b"", b"\xff", b"x/../../y", b"src/../..", b"\n"]
KINDS = st.sampled_from(["file", "file", "file", "folder", "link", "pipe", "hard"])
ENTRIES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), KINDS, st.binary(max_size=40), st.sampled_from(LINKS)
    ),
    min_size=1,
    max_size=8,
)
TASK = Task(id=TaskId("t"), title="T", description="d", path="x", generation=BlobId("0"), scope=Scope(owns=("**",)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("hostile"))
    world.commit({"README.md": "read\n", "src/a.py": "a = 1\n"})
    return world


def plant(tree: Path, parts: list[bytes], kind: str, content: bytes, target: bytes) -> None:
    """Make one thing in the tree as an agent would; what the system refuses is left out."""
    path = tree.joinpath(*map(os.fsdecode, parts))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "file" if not os.path.lexists(path):  # a pipe that is there would wait for a reader
                path.write_bytes(content)
            case "folder":
                path.mkdir()
            case "link":
                path.symlink_to(os.fsdecode(target or b"x"))
            case "pipe":
                os.mkfifo(path)
            case "hard":
                path.hardlink_to(tree / "README.md")


def taken_in(world: World, entries: list[tuple[list[bytes], str, bytes, bytes]]) -> None:
    outside = sorted(path.name for path in world.person.iterdir())
    lease = world.lease("s1", world.git("rev-parse", "HEAD"))
    try:
        for parts, kind, content, target in entries:
            plant(lease.tree, parts, kind, content, target)
        capture = world.capture("s1")
        assert capture == world.capture("s1")
        for rejection in scope.judge(capture, TASK, Policy()):
            assert rejection.summary.isprintable()
        guard = Guard(Vault(world.person.parent / "v"), world.person.parent / "n")
        changed = [change.path for change in capture.changes]
        guard.added(lease.tree, changed, lambda path: world.trees.before(SessionId("s1"), path), (), {})
    finally:
        world.release("s1", discard=True)
        world.trees.gc(0)
    assert sorted(path.name for path in world.person.iterdir()) == outside


SOME = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
MANY = settings(parent=SOME, max_examples=400)


@SOME
@given(entries=ENTRIES)
def test_a_tree_with_hostile_names_is_taken_in_or_refused(
    made: World, entries: list[tuple[list[bytes], str, bytes, bytes]]
) -> None:
    taken_in(made, entries)


@pytest.mark.slow
@pytest.mark.timeout(400)
@MANY
@given(entries=ENTRIES)
def test_many_trees_with_hostile_names_are_taken_in_or_refused(
    made: World, entries: list[tuple[list[bytes], str, bytes, bytes]]
) -> None:
    taken_in(made, entries)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", [".gitattributes", ".gitignore", "src/.gitattributes"])
def test_a_pipe_where_git_looks_for_rules_stops_nothing(made: World, name: str) -> None:
    taken_in(made, [([os.fsencode(part) for part in name.split("/")], "pipe", b"", b"")])
