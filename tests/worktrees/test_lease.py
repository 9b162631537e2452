"""Leasing: exactly the commit, once per session, recycled where that is safe."""

import os
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace
from worktree_world import World, git, snapshot

from swarmgit.adapters.git.slots import Slot, SlotStore
from swarmgit.model.ids import SessionId
from swarmgit.ports.worktrees import Lease


def expected(world: World, commit: str, where: Path) -> dict[str, object]:
    """Return what a plain clone's checkout of the commit holds."""
    git("clone", "-q", "--no-checkout", str(world.person), str(where), cwd=world.root, home=world.root)
    git("checkout", "-q", commit, cwd=where, home=world.root)
    return snapshot(where)


def slot_of(lease: Lease) -> str:
    return "/".join(lease.tree.parts[-3:-1])


def head(world: World) -> str:
    return world.git("rev-parse", "HEAD")


def test_a_lease_holds_exactly_the_commit(world: World, tmp_path: Path) -> None:
    lease = world.lease("s1", head(world))
    assert snapshot(lease.tree) == expected(world, head(world), tmp_path / "clone")
    assert lease.needs_setup is False
    assert slot_of(lease) == "agents/0001"


def test_modes_links_and_odd_names_come_out_right(world: World, tmp_path: Path) -> None:
    (world.person / "run.sh").write_text("#!/bin/sh\n")
    (world.person / "run.sh").chmod(0o755)
    (world.person / "link").symlink_to("src/a.py")
    (world.person / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    commit = world.commit({"ünï côde.txt": "x", ".gitattributes": "*.txt text eol=lf\n*.py ident\n"})
    lease = world.lease("s1", commit)
    assert snapshot(lease.tree) == expected(world, commit, tmp_path / "clone")
    assert (lease.tree / "crlf.txt").read_bytes() == world.engine.out("cat-file", "blob", f"{commit}:crlf.txt")


def test_the_same_session_gets_the_same_worktree_untouched(world: World) -> None:
    lease = world.lease("s1", head(world))
    (lease.tree / "src/a.py").write_text("changed\n")
    world.reopen()
    again = world.lease("s1", head(world))
    assert again == lease
    assert (again.tree / "src/a.py").read_text() == "changed\n"


def test_two_sessions_never_share_a_worktree(world: World) -> None:
    trees = [world.lease(f"s{n}", head(world)).tree for n in range(4)]
    assert len(set(trees)) == 4
    assert world.trees.leases() == {SessionId(f"s{n}"): tree for n, tree in enumerate(trees)}


def test_a_slot_that_is_filled_while_another_is_chosen_is_not_taken_for_abandoned(tmp_path: Path) -> None:
    class Raced(SlotStore):
        """Another thread ends its lease between the two looks of this one."""

        def all(self) -> list[Slot]:
            found = super().all()
            for slot in found:
                if slot.state == "filling" and slot.session == "s1":
                    self.write(replace(slot, state="leased"))
            return found

    store = Raced(tmp_path, lambda _: None)
    _, first = store.claim(Slot(Path(), "filling", "c1", "s1"), "agents", lambda _: 0)
    store.claim(Slot(Path(), "filling", "c1", "s2"), "agents", lambda _: 0)
    assert {slot.session: slot.state for slot in SlotStore.all(store)} == {"s1": "leased", "s2": "filling"}
    assert first.tree.is_dir()


def test_threads_may_lease_at_the_same_time(world: World) -> None:
    commit = head(world)
    for n in range(3):
        world.lease(f"old{n}", commit)
    for n in range(3):
        world.release(f"old{n}")
    threads = [threading.Thread(target=world.lease, args=(f"s{n}", commit)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    leases = world.trees.leases()
    assert len(leases) == 8
    assert len(set(leases.values())) == 8


def test_git_works_inside_as_in_any_repository(world: World) -> None:
    commit = head(world)
    tree = world.lease("s1", commit).tree

    def inside(*args: str) -> str:
        return git(*args, cwd=tree, home=world.root)

    assert inside("status", "--porcelain") == ""
    assert inside("rev-parse", "HEAD") == commit
    assert inside("symbolic-ref", "--short", "HEAD") == "swarm/s1"
    assert inside("log", "-1", "--format=%s") == "work"
    (tree / "src/a.py").write_text("a = 2\n")
    assert "+a = 2" in inside("diff")
    inside("stash")
    assert (tree / "src/a.py").read_text() == "a = 1\n"
    inside("stash", "pop")
    inside("checkout", "-q", "-b", "idea")
    inside("commit", "-q", "-a", "-m", "mine")
    assert inside("branch", "--format=%(refname:short)") == "idea\nswarm/s1"
    assert inside("remote") == ""
    assert inside("config", "user.name") == "A Person" or inside("config", "user.name")
    assert world.git("branch", "--format=%(refname:short)") == "main"
    assert world.git("status", "--porcelain") == ""


def test_git_inside_needs_no_identity_from_outside(world: World) -> None:
    tree = world.lease("s1", head(world)).tree
    assert git("config", "--local", "user.name", cwd=tree, home=world.root) == "agent of s1"


def test_a_released_worktree_is_used_again(world: World) -> None:
    first = world.lease("s1", head(world))
    world.release("s1")
    world.release("s1")
    assert world.trees.path(SessionId("s1")) is None
    assert world.lease("s2", head(world)).tree == first.tree


def test_agents_and_gates_have_pools_of_their_own(world: World) -> None:
    first = world.lease("s1", head(world))
    world.release("s1")
    gate = world.lease("g1", head(world), "gates")
    assert gate.tree != first.tree
    assert slot_of(gate) == "gates/0001"


def test_a_slot_of_the_same_commit_is_preferred(world: World) -> None:
    old = head(world)
    new = world.commit({"src/new.py": "n\n"})
    trees = {"s1": world.lease("s1", old).tree, "s2": world.lease("s2", new).tree}
    world.release("s1")
    world.release("s2")
    assert world.lease("s3", new).tree == trees["s2"]


def test_a_discarded_worktree_is_not_used_again(world: World) -> None:
    first = world.lease("s1", head(world))
    held = os.open(first.tree, os.O_RDONLY)  # while it is open its number cannot be given to another folder
    (first.tree / "mark").write_text("")
    world.release("s1", discard=True)
    second = world.lease("s2", head(world))
    assert not (second.tree / "mark").exists()
    assert second.tree.stat().st_ino != os.fstat(held).st_ino
    os.close(held)


def dirty_everything(tree: Path) -> None:
    (tree / "src/a.py").write_text("EVIL\n")
    (tree / "README.md").unlink()
    (tree / "src/deep/c.py").unlink()
    (tree / "src/deep").rmdir()
    (tree / "src/deep").write_text("a file now")
    (tree / "untracked/deep").mkdir(parents=True)
    (tree / "untracked/deep/x").write_text("x")
    (tree / "empty").mkdir()
    (tree / "build").mkdir()
    (tree / "build/out.o").write_text("ignored")
    (tree / "x.log").write_text("ignored")
    (tree / ".gitignore").write_text("*\n")
    (tree / "nested").mkdir()
    git("init", "-q", cwd=tree / "nested", home=tree.parent)
    (tree / "nested/f").write_text("f")
    os.mkfifo(tree / "pipe")


def same_size_and_times(tree: Path) -> None:
    before = (tree / "src/a.py").stat()
    (tree / "src/a.py").write_text("a = 9\n")
    os.utime(tree / "src/a.py", ns=(before.st_atime_ns, before.st_mtime_ns))


def linked_folder(tree: Path) -> None:
    outside = tree.parent.parent / "outside"
    outside.mkdir()
    for name in ("a.py", "b.py"):
        (tree / "src" / name).rename(outside / name)
    (tree / "src/deep/c.py").unlink()
    (tree / "src/deep").rmdir()
    (tree / "src").rmdir()
    (tree / "src").symlink_to(outside)


def no_rights(tree: Path) -> None:
    (tree / "src/a.py").chmod(0)
    (tree / "src/deep").chmod(0)


def other_modes(tree: Path) -> None:
    (tree / "src/a.py").chmod(0o755)
    os.link(tree / "src/b.py", tree / "hard")


def broken_git(tree: Path) -> None:
    (tree / ".git/HEAD").write_text("nonsense")
    (tree / ".git/index").write_bytes(b"nonsense")
    (tree / ".git/index.lock").write_text("")


def no_git(tree: Path) -> None:
    (tree / ".git").rename(tree / "was-git")
    (tree / ".git").write_text("gitdir: /etc\n")


def repository_in_a_tracked_folder(tree: Path) -> None:
    git("init", "-q", cwd=tree / "src", home=tree.parent)


def a_folder_of_other_rights(tree: Path) -> None:
    (tree / "src").chmod(0o500)


DIRT = [
    repository_in_a_tracked_folder,
    a_folder_of_other_rights,
    dirty_everything,
    same_size_and_times,
    linked_folder,
    no_rights,
    other_modes,
    broken_git,
    no_git,
]


@pytest.mark.parametrize("dirty", DIRT)
@pytest.mark.parametrize("moves", [False, True])
def test_a_recycled_worktree_holds_exactly_the_commit(world: World, tmp_path: Path, dirty, moves: bool) -> None:
    commit = head(world)
    lease = world.lease("s1", commit)
    dirty(lease.tree)
    world.release("s1")
    if moves:
        commit = world.commit({"src/a.py": "a = 3\n", "src/b.py": None, "new/file": "n\n"})
    again = world.lease("s2", commit)
    assert snapshot(again.tree) == expected(world, commit, tmp_path / "clone")
    assert git("status", "--porcelain", "--ignored", cwd=again.tree, home=world.root) == ""


def test_recycling_follows_no_link_out_of_the_tree(world: World) -> None:
    lease = world.lease("s1", head(world))
    linked_folder(lease.tree)
    outside = lease.tree.parent.parent / "outside"
    before = snapshot(outside)
    world.release("s1")
    world.lease("s2", head(world))
    assert snapshot(outside) == before


def test_recycling_does_not_write_what_is_there_already(world: World) -> None:
    lease = world.lease("s1", head(world))
    inode = (lease.tree / "src/b.py").stat().st_ino
    ctime = (lease.tree / "src/b.py").stat().st_ctime_ns
    world.release("s1")
    commit = world.commit({"src/a.py": "a = 2\n"})
    again = world.lease("s2", commit)
    assert again.tree == lease.tree
    facts = (again.tree / "src/b.py").stat()
    assert (facts.st_ino, facts.st_ctime_ns) == (inode, ctime)


def test_what_lies_in_a_submodules_folder_does_not_pass_to_the_next(world: World) -> None:
    commit = world.git("rev-parse", "HEAD")
    world.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    world.git("commit", "-q", "-m", "submodule")
    lease = world.lease("s1", head(world))
    assert list((lease.tree / "vendor/lib").iterdir()) == []
    (lease.tree / "vendor/lib/planted").write_text("x")
    world.release("s1")
    again = world.lease("s2", head(world))
    assert list((again.tree / "vendor/lib").iterdir()) == []


def test_a_gate_can_use_git_on_a_commit_that_only_the_engine_has(world: World) -> None:
    lease = world.lease("s1", head(world))
    (lease.tree / "src/a.py").write_text("a = 2\n")
    (lease.tree / "large.bin").write_bytes(os.urandom(100_000))
    captured = world.capture("s1").commit
    gate = world.lease("g1", captured, "gates")
    assert (gate.tree / "src/a.py").read_text() == "a = 2\n"
    (large,) = (gate.tree / ".git/objects").glob("??/*")
    assert large.stat().st_nlink == 1  # what a gate does to it harms no object of ours
    assert git("status", "--porcelain", cwd=gate.tree, home=world.root) == ""
    assert git("log", "--format=%s", cwd=gate.tree, home=world.root) == "Do it\nwork"
    assert git("fsck", cwd=gate.tree, home=world.root) == ""
    alternates = (gate.tree / ".git/objects/info/alternates").read_text()
    assert alternates == f"{world.person}/.git/objects\n"


def test_a_sha256_repository_works_the_same(tmp_path: Path) -> None:
    world = World(tmp_path, object_format="sha256")
    commit = world.commit({"a": "a\n"})
    lease = world.lease("s1", commit)
    (lease.tree / "a").write_text("b\n")
    assert git("status", "--porcelain", cwd=lease.tree, home=world.root) == "M a"
    taken = world.capture("s1")
    assert [change.path for change in taken.changes] == ["a"]
    assert len(taken.commit) == 64


def test_a_commit_that_does_not_exist_leaves_no_slot_behind(world: World) -> None:
    with pytest.raises(Exception, match="read-tree"):
        world.lease("s1", "1" * 40)
    assert world.trees.leases() == {}
    assert slot_of(world.lease("s1", head(world))) == "agents/0001"


def test_gc_keeps_the_newest_free_slots_and_every_lease(world: World) -> None:
    for n in range(4):
        world.lease(f"s{n}", head(world))
    for n in (2, 0, 1):
        world.release(f"s{n}")
        os.utime(world.store / f"agents/000{n + 1}/slot.json", (10 + n, 10 + n))
    world.trees.gc(1)
    assert sorted(path.name for path in (world.store / "agents").iterdir()) == ["0003", "0004"]
    assert list((world.store / "trash").iterdir()) == []
    assert world.trees.path(SessionId("s3")) is not None


def test_a_slot_with_an_unreadable_record_is_left_alone(world: World) -> None:
    lease = world.lease("s1", head(world))
    (lease.tree / "work").write_text("precious")
    (lease.tree.parent / "slot.json").write_text("{")
    world.trees.gc(0)
    assert (lease.tree / "work").read_text() == "precious"
    assert world.lease("s2", head(world)).tree != lease.tree
