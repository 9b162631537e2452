"""What a worktree is given besides the commit: included files, shared folders, set-up outputs, carried work."""

import os
from pathlib import Path

import pytest
from worktree_world import World, git, snapshot, write_files

from swarmgit.model.ids import CommitId, SessionId

SETUP = {"setup": ("make env",), "setup_key": ("lock.txt",)}


def head(world: World) -> str:
    return world.git("rev-parse", "HEAD")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def paths(world: World, session: str = "s1") -> list[str]:
    return [change.path for change in world.capture(session).changes]


def test_included_files_are_copied_in_and_never_captured(world: World) -> None:
    write_files(world.person, {".env.test": "KEY=1\n", "conf/local.ini": "x\n"})
    (world.person / ".env.test").chmod(0o600)
    tree = world.lease("s1", head(world), include=(".env.test", "conf/local.ini", "missing", "README.md")).tree
    assert (tree / ".env.test").read_text() == "KEY=1\n"
    assert (tree / ".env.test").stat().st_mode & 0o777 == 0o600
    assert git("status", "--porcelain", cwd=tree, home=world.root) == ""
    write_files(tree, {".env.test": "KEY=2\n", ".gitignore": "!.env.test\n!conf/\n", "README.md": "more\n"})
    assert paths(world) == [".gitignore", "README.md"]


def test_included_files_do_not_stay_for_the_next(world: World) -> None:
    write_files(world.person, {".env.test": "KEY=1\n"})
    first = world.lease("s1", head(world), include=(".env.test",)).tree
    world.release("s1")
    second = world.lease("s2", head(world)).tree
    assert second == first
    assert not (second / ".env.test").exists()


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/hostname", "link", "linked/secret", ".git/config", "folder", "pipe"]
)
def test_only_regular_files_of_the_persons_folder_are_included(world: World, path: str) -> None:
    (world.root / "secret").write_text("secret")
    (world.person / "link").symlink_to(world.root / "secret")
    (world.person / "linked").symlink_to(world.root)
    (world.person / "folder").mkdir()
    os.mkfifo(world.person / "pipe")
    tree = world.lease("s1", head(world), include=(path,)).tree
    private = (tree / ".git/config").read_text()
    assert "swarmgit.invalid" in private
    assert not (tree.parent / "secret").exists()
    assert names(tree) == {".git", ".gitignore", ".swarm", "README.md", "src"}


def test_a_link_in_the_commit_does_not_lead_an_included_file_out(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    (world.person / "conf").symlink_to(outside)
    commit = world.commit({})
    (world.person / "conf").unlink()
    write_files(world.person, {"conf/x": "x"})
    world.lease("s1", commit, include=("conf/x",))
    assert names(outside) == set()


def test_a_shared_folder_stays_between_sessions_and_is_never_captured(world: World) -> None:
    tree = world.lease("s1", head(world), share=("node_modules", "cache/pip/")).tree
    write_files(tree, {"node_modules/x/index.js": "1", "cache/pip/w": "1", "cache/other": "1"})
    assert paths(world) == ["cache/other"]
    world.release("s1")
    again = world.lease("s2", head(world), share=("node_modules", "cache/pip/")).tree
    assert (again / "node_modules/x/index.js").read_text() == "1"
    assert (again / "cache/pip/w").exists()
    assert not (again / "cache/other").exists()
    world.release("s2")
    assert not (world.lease("s3", head(world)).tree / "node_modules").exists()


def test_a_shared_folder_that_became_a_link_is_not_kept(world: World) -> None:
    tree = world.lease("s1", head(world), share=("node_modules",)).tree
    (tree / "node_modules").symlink_to(world.person)
    world.release("s1")
    again = world.lease("s2", head(world), share=("node_modules",)).tree
    assert not (again / "node_modules").is_symlink()


def test_set_up_is_needed_once_per_slot_and_key(world: World) -> None:
    commit = world.commit({"lock.txt": "1\n"})
    lease = world.lease("s1", commit, **SETUP)
    assert lease.needs_setup
    write_files(lease.tree, {".venv/bin/python": "py", "made.egg-info/x": "x"})
    world.set_up("s1", ".venv/", "made.egg-info/")
    write_files(lease.tree, {"src/new.py": "n\n", "made.egg-info/y": "y"})
    assert paths(world) == ["src/new.py"]
    world.release("s1")
    again = world.lease("s2", world.commit({"src/a.py": "a = 2\n"}), **SETUP)
    assert (again.tree, again.needs_setup) == (lease.tree, False)
    assert (again.tree / ".venv/bin/python").exists()
    assert (again.tree / "made.egg-info/x").exists()
    assert not (again.tree / "src/new.py").exists()
    assert paths(world, "s2") == []
    world.release("s2")
    third = world.lease("s3", world.commit({"lock.txt": "2\n"}), **SETUP)
    assert third.needs_setup
    assert not (third.tree / ".venv").exists()


def test_other_set_up_commands_are_another_set_up(world: World) -> None:
    world.lease("s1", head(world), setup=("one",))
    world.set_up("s1")
    world.release("s1")
    assert world.lease("s2", head(world), setup=("two",)).needs_setup


def test_a_new_file_of_the_agents_is_never_taken_for_set_up(world: World) -> None:
    tree = world.lease("s1", head(world), setup=("make env",)).tree
    write_files(tree, {".venv/bin/python": "py", "src/new.py": "n\n"})
    world.trees.setup_done(SessionId("s1"))
    assert paths(world) == ["src/new.py"]


def test_a_set_up_that_is_not_done_is_needed_again(world: World) -> None:
    tree = world.lease("s1", head(world), setup=("make env",)).tree
    write_files(tree, {".venv/half": ""})
    assert world.lease("s1", head(world), setup=("make env",)).needs_setup
    world.release("s1")
    again = world.lease("s2", head(world), setup=("make env",))
    assert again.needs_setup
    assert not (again.tree / ".venv").exists()


# --- carrying work over ----------------------------------------------------------------------------------------------


def carry(world: World, base: str, commit: str, *names: str) -> tuple[str, ...]:
    return world.trees.carry(SessionId("s2"), CommitId(base), CommitId(commit), names)


def earlier_work(world: World) -> str:
    tree = world.lease("s1", head(world)).tree
    write_files(tree, {"src/a.py": "a = 2\n", "src/b.py": None, "new/run.sh": "#!/bin/sh\n", "README.md": "mine\n"})
    (tree / "new/run.sh").chmod(0o755)
    (tree / "new/link").symlink_to("run.sh")
    commit = world.capture("s1").commit
    world.release("s1", discard=True)
    return commit


WORK = ("src/a.py", "src/b.py", "new/run.sh", "new/link")


def test_carried_work_shows_up_as_uncommitted_changes_on_the_new_base(world: World) -> None:
    work = earlier_work(world)
    base = world.commit({"src/deep/c.py": "c = 2\n"})
    tree = world.lease("s2", base).tree
    for _ in range(2):
        assert carry(world, base, work, *WORK) == ()
        assert git("status", "--porcelain", "-uall", cwd=tree, home=world.root).split("\n") == [
            "M src/a.py",
            " D src/b.py",
            "?? new/link",
            "?? new/run.sh",
        ]
    assert (tree / "new/run.sh").stat().st_mode & 0o111
    assert (tree / "new/link").readlink() == Path("run.sh")
    assert (tree / "README.md").read_text() == "read\n"
    assert sorted(paths(world, "s2")) == sorted(WORK)


def test_nothing_is_carried_where_the_base_changed_as_well(world: World) -> None:
    work = earlier_work(world)
    base = world.commit({"src/a.py": "a = 3\n"})
    tree = world.lease("s2", base).tree
    before = snapshot(tree)
    assert carry(world, base, work, *WORK) == ("src/a.py",)
    assert snapshot(tree) == before
    assert carry(world, base, work, "src/b.py") == ()


def test_what_the_base_has_already_is_done(world: World) -> None:
    work = earlier_work(world)
    base = world.commit({"src/a.py": "a = 2\n"})
    world.lease("s2", base)
    assert carry(world, base, work, *WORK) == ()
    assert "src/a.py" not in paths(world, "s2")


def test_a_folder_that_became_a_file_stops_the_carrying(world: World) -> None:
    work = earlier_work(world)
    base = world.commit({"new": "a file\n"})
    tree = world.lease("s2", base).tree
    assert carry(world, base, work, *WORK) == ("new/link", "new/run.sh")
    assert (tree / "src/a.py").read_text() == "a = 1\n"


def test_a_folder_that_became_a_link_is_not_followed(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    work = earlier_work(world)
    (world.person / "new").symlink_to(outside)
    base = world.commit({})
    world.lease("s2", base)
    assert carry(world, base, work, *WORK) == ("new/link", "new/run.sh")
    assert names(outside) == set()


def test_a_file_that_became_a_folder_is_carried_whole(world: World) -> None:
    tree = world.lease("s1", head(world)).tree
    write_files(tree, {"README.md": None, "README.md/en": "e\n"})
    work = world.capture("s1").commit
    tree = world.lease("s2", head(world)).tree
    for _ in range(2):
        assert carry(world, head(world), work, "README.md", "README.md/en") == ()
        assert (tree / "README.md/en").read_text() == "e\n"


def test_where_the_files_are_is_known_only_while_leased(world: World) -> None:
    assert world.trees.path(SessionId("s1")) is None
    tree = world.lease("s1", head(world)).tree
    assert world.trees.path(SessionId("s1")) == tree
    assert Path(tree).is_relative_to(world.store)
