"""What set-up made is for every lease what set-up left there, whatever sessions did to it in between."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from worktree_world import World, git, snapshot, write_files

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.git import pristine
from swarmgit.model.ids import CommitId, SessionId

SETUP = {"setup": ("make env",)}
MADE = {".venv/bin/python": "py", ".venv/lib/a.py": "a = 1\n", ".venv/lib/deep/b.py": "b\n", "one": "1\n"}


def head(world: World) -> str:
    return world.git("rev-parse", "HEAD")


def made(world: World, session: str = "s1") -> Path:
    """Lease a worktree and let set-up make its files there."""
    tree = world.lease(session, head(world), **SETUP).tree
    write_files(tree, MADE)
    (tree / ".venv/bin/python").chmod(0o755)
    (tree / ".venv/bin/py").symlink_to("python")
    world.set_up(session, ".venv/", "one")
    return tree


def same_size(tree: Path) -> None:
    facts = (tree / "one").stat()
    (tree / "one").write_text("2\n")
    os.utime(tree / "one", ns=(facts.st_atime_ns, facts.st_mtime_ns))


def by_a_second_name(tree: Path) -> None:
    (tree / "mine").hardlink_to(tree / "one")
    (tree / "mine").write_text("2\n")


def a_deep_folder(tree: Path) -> None:
    here = os.open(tree / ".venv", os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def a_folder_away(tree: Path) -> None:
    (tree / ".venv/lib").rename(tree / ".venv/lib2")


def a_link_for_a_folder(tree: Path) -> None:
    shutil.rmtree(tree / ".venv/lib")
    (tree / ".venv/lib").symlink_to("/etc")


ATTACKS: dict[str, Callable[[Path], object]] = {
    "another content of the same size and time": same_size,
    "another mode": lambda tree: (tree / ".venv/lib/a.py").chmod(0o777),
    "another mode of a folder": lambda tree: (tree / ".venv/lib").chmod(0o777),
    "a new file": lambda tree: write_files(tree, {".venv/lib/sitecustomize.py": "evil"}),
    "a file for a folder": lambda tree: [shutil.rmtree(tree / ".venv"), write_files(tree, {".venv": "x"})],
    "a folder for a file": lambda tree: [(tree / "one").unlink(), write_files(tree, {"one/x": "x"})],
    "a link for a file": lambda tree: [(tree / "one").unlink(), (tree / "one").symlink_to("README.md")],
    "a link for a folder": a_link_for_a_folder,
    "a link elsewhere": lambda tree: [(tree / ".venv/bin/py").unlink(), (tree / ".venv/bin/py").symlink_to("/bin/sh")],
    "a pipe": lambda tree: os.mkfifo(tree / ".venv/pipe"),
    "everything gone": lambda tree: [shutil.rmtree(tree / ".venv"), (tree / "one").unlink()],
    "a folder moved": a_folder_away,
    "a second name": by_a_second_name,
    "a deep folder": a_deep_folder,
    "a long name": lambda tree: write_files(tree, {".venv/" + "n" * 250: "x"}),
}


@pytest.mark.parametrize("how", ATTACKS)
def test_whatever_a_session_did_to_it_the_next_finds_it_as_set_up_left_it(world: World, how: str) -> None:
    tree = made(world)
    before = snapshot(tree)
    for number, session in enumerate(("s1", "s2", "s3")):
        if number:
            lease = world.lease(session, head(world), **SETUP)
            assert (lease.tree, lease.needs_setup) == (tree, False)
            assert snapshot(tree) == before
        ATTACKS[how](tree)
        world.release(session)
        world.reopen()
    delete(tree.parent)  # the test runner's own cleaning fails at such depths


def test_nothing_is_written_where_nothing_was_changed(world: World) -> None:
    tree = made(world)
    inode = (tree / ".venv/lib/a.py").stat().st_ino
    world.release("s1")
    world.lease("s2", head(world), **SETUP)
    assert (tree / ".venv/lib/a.py").stat().st_ino == inode
    assert not pristine.put_back(tree.parent, set)


def test_set_up_of_a_commit_that_has_not_landed_serves_that_commit_alone(world: World) -> None:
    base = head(world)
    world.git("checkout", "-q", "-b", "work")
    work = world.commit({"src/new.py": "n\n"})
    world.git("checkout", "-q", "main")
    tree = world.lease("s1", work, **SETUP).tree
    write_files(tree, MADE)
    world.set_up("s1", ".venv/", "one")
    world.release("s1")
    assert not world.lease("s2", work, **SETUP).needs_setup
    world.release("s2")
    other = world.lease("s3", base, **SETUP)
    assert other.needs_setup
    assert not (other.tree / ".venv").exists()
    world.set_up("s3")
    world.release("s3")
    assert not world.lease("s4", world.commit({"src/a.py": "4\n"}), **SETUP).needs_setup


def test_a_gates_set_up_runs_on_the_target_and_serves_every_gate(world: World) -> None:
    world.git("checkout", "-q", "-b", "work")
    work = world.commit({"src/new.py": "n\n", "src/a.py": "a = 9\n"})
    other = world.commit({"src/new.py": "m\n"})
    world.git("checkout", "-q", "main")
    tree = world.lease("s1", work, "gates", **SETUP).tree
    assert not (tree / "src/new.py").exists()
    write_files(tree, MADE)
    world.set_up("s1", ".venv/", "one")
    assert (tree / "src/new.py").read_text() == "n\n"
    assert git("status", "--porcelain", cwd=tree, home=world.root) == "?? one"
    assert git("rev-parse", "HEAD", cwd=tree, home=world.root) == work
    write_files(tree, {"one": "evil"})
    world.release("s1")
    again = world.lease("s2", other, "gates", **SETUP)
    assert (again.needs_setup, (again.tree / "one").read_text()) == (False, "1\n")
    assert (again.tree / "src/new.py").read_text() == "m\n"


def test_a_gate_whose_set_up_is_not_the_targets_runs_it_on_its_own_commit(world: World) -> None:
    world.git("checkout", "-q", "-b", "work")
    work = world.commit({"lock.txt": "2\n", "src/new.py": "n\n"})
    world.git("checkout", "-q", "main")
    lease = world.lease("s1", work, "gates", **SETUP, setup_key=("lock.txt",))
    assert (lease.tree / "src/new.py").exists()


def test_set_up_that_was_cut_off_and_runs_again_on_another_tree_serves_nobody_else(world: World) -> None:
    world.git("checkout", "-q", "-b", "work")
    work = world.commit({"src/new.py": "n\n"})
    world.git("checkout", "-q", "main")
    world.lease("s1", work, "gates", **SETUP)
    world.set_up("s1")
    world.lease("s1", work, "gates", **SETUP)
    world.set_up("s1", "one")
    world.release("s1")
    assert world.lease("s2", head(world), "gates", **SETUP).needs_setup


def test_set_up_among_carried_work_serves_nobody_else(world: World) -> None:
    base = head(world)
    work = world.commit({"src/a.py": "a = 2\n"})
    world.git("reset", "-q", "--hard", base)
    tree = world.lease("s1", base, **SETUP).tree
    world.trees.carry(SessionId("s1"), CommitId(base), work, ("src/a.py",))
    write_files(tree, MADE)
    world.set_up("s1", ".venv/", "one")
    world.release("s1")
    assert world.lease("s2", base, **SETUP).needs_setup


def test_without_a_whole_copy_set_up_runs_again(world: World) -> None:
    tree = made(world)
    pristine.drop(tree.parent)
    world.release("s1")
    again = world.lease("s2", head(world), **SETUP)
    assert again.needs_setup
    assert not (again.tree / ".venv").exists()


def test_a_copy_that_lacks_a_file_is_given_up_with_its_slot(world: World) -> None:
    tree = made(world)
    (tree.parent / "pristine/files/one").unlink()
    (tree / "one").write_text("evil")
    world.release("s1")
    again = world.lease("s2", head(world), **SETUP)
    assert again.needs_setup


def test_a_commit_with_files_where_set_up_made_some_gets_a_worktree_of_its_own(world: World) -> None:
    made(world)
    world.release("s1")
    again = world.lease("s2", world.commit({".venv/lib/a.py": "mine\n"}), **SETUP)
    assert again.needs_setup
    assert (again.tree / ".venv/lib/a.py").read_text() == "mine\n"


def test_files_with_second_names_elsewhere_are_parted_from_them(world: World) -> None:
    tree = world.lease("s1", head(world), **SETUP).tree
    write_files(world.root, {"cache/wheel": "1\n"})
    (tree / "one").hardlink_to(world.root / "cache/wheel")
    world.set_up("s1", "one")
    world.release("s1")
    (world.root / "cache/wheel").write_text("2\n")
    tree = world.lease("s2", head(world), **SETUP).tree
    assert (tree / "one").read_text() == "1\n"
