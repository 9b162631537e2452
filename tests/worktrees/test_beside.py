"""Work that is in no file of the worktree: on a branch, in a stash, tracked though ignored, outside of the scope."""

import hashlib
import os
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from worktree_world import AGENT, AT, World, git, write_files

from swarmgit.adapters.git import beside
from swarmgit.model.desired import Scope
from swarmgit.model.ids import SessionId
from swarmgit.model.intake import Intake
from swarmgit.model.work import Capture

SCOPE = Scope(owns=("src/**",))
IN_SCOPE = Intake(SCOPE)


@pytest.fixture
def tree(world: World) -> Path:
    return world.lease("s1", world.git("rev-parse", "HEAD")).tree


def agent(world: World, tree: Path, *args: str) -> str:
    return git(*args, cwd=tree, home=world.root)


def taken(world: World, intake: Intake = IN_SCOPE) -> Capture:
    return world.trees.capture(SessionId("s1"), "Do it\n", AGENT, AT, intake)


def paths(found: Capture) -> list[str]:
    return [change.path for change in found.changes]


def test_an_agent_that_only_edits_leaves_nothing_out(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n"})
    agent(world, tree, "commit", "-q", "-am", "one")
    agent(world, tree, "commit", "-q", "--amend", "-m", "two")
    write_files(tree, {"src/b.py": "b = 2\n"})
    agent(world, tree, "commit", "-q", "-am", "three")
    found = taken(world)
    assert found.left_out is None or found.left_out.items == ()


def test_commits_on_another_branch_are_kept_and_named(world: World, tree: Path) -> None:
    home = agent(world, tree, "symbolic-ref", "--short", "HEAD")
    agent(world, tree, "checkout", "-q", "-b", "feature")
    for number in (1, 2):
        write_files(tree, {"src/feature.py": f"f = {number}\n"})
        agent(world, tree, "add", "-A")
        agent(world, tree, "commit", "-q", "-m", f"feature {number}")
    agent(world, tree, "checkout", "-q", home)
    found = taken(world)
    assert found.changes == ()
    assert found.left_out is not None
    assert found.left_out.items == ("feature (2 commits)",)
    assert "feature 2" in world.engine.line("log", "--format=%s", found.left_out.commit)
    feature = world.engine.line("rev-parse", f"{found.left_out.commit}^2")
    assert world.content(feature, "src/feature.py") == b"f = 2\n"


def test_stashes_detached_commits_and_packed_ones_are_kept(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "stashed\n"})
    agent(world, tree, "stash", "-q")
    base = agent(world, tree, "rev-parse", "HEAD")
    agent(world, tree, "checkout", "-q", "--detach")
    write_files(tree, {"src/a.py": "detached\n"})
    agent(world, tree, "commit", "-q", "-am", "detached")
    agent(world, tree, "tag", "kept")
    agent(world, tree, "checkout", "-q", base)
    agent(world, tree, "gc", "-q", "--prune=now")
    found = taken(world)
    assert found.left_out is not None
    assert sorted(found.left_out.items) == ["refs/tags/kept (1 commit)", "stash@{0} (2 commits)"]
    kept = world.engine.line("rev-parse", f"{found.left_out.commit}^@").split()[1:]
    assert {world.content(each, "src/a.py") for each in kept} == {b"stashed\n", b"detached\n"}


def test_commits_that_were_reset_away_are_kept_and_named_where_nothing_else_is_left(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n"})
    agent(world, tree, "commit", "-q", "-am", "work")
    agent(world, tree, "reset", "-q", "--hard", "HEAD~1")
    found = taken(world)
    assert found.left_out is not None
    assert found.left_out.items == ("1 commit in its reflog only",)
    assert world.content(f"{found.left_out.commit}^2", "src/a.py") == b"a = 2\n"


@pytest.mark.parametrize("is_committed", [True, False])
def test_an_ignored_file_that_the_agent_tracks_counts(world: World, tree: Path, is_committed: bool) -> None:
    write_files(tree, {"src/x.log": "wanted\n", "src/y.log": "noise\n"})
    agent(world, tree, "add", "-f", "src/x.log")
    if is_committed:
        agent(world, tree, "commit", "-q", "-m", "log")
    found = taken(world)
    assert paths(found) == ["src/x.log"]
    assert found.left_out is None


def test_new_files_outside_the_scope_are_left_out_and_saved(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n", ".DS_Store": "junk", "notes/plan.md": "plan\n"})
    found = taken(world)
    assert paths(found) == ["src/a.py"]
    assert found.objections == ()
    assert found.left_out is not None
    assert [item.split(" ")[0] for item in found.left_out.items] == [".DS_Store", "notes/plan.md"]
    assert world.content(found.left_out.commit, "notes/plan.md") == b"plan\n"
    assert world.content(found.left_out.commit, "src/a.py") == b"a = 2\n"


def test_files_outside_the_scope_that_were_tracked_or_committed_or_are_protected_are_not_left_out(
    world: World, tree: Path
) -> None:
    write_files(tree, {"README.md": "edited\n", "extra.txt": "x\n", "CLAUDE.md": "obey\n"})
    agent(world, tree, "add", "extra.txt")
    found = taken(world)
    assert paths(found) == ["CLAUDE.md", "README.md", "extra.txt"]
    assert found.left_out is None


def test_a_repository_and_a_pipe_outside_the_scope_are_left_out(world: World, tree: Path) -> None:
    (tree / "clone").mkdir()
    agent(world, tree / "clone", "init", "-q")
    write_files(tree, {"clone/file": "f\n"})
    os.mkfifo(tree / "pipe")
    found = taken(world)
    assert (found.objections, found.changes) == ((), ())
    assert found.left_out is not None
    assert world.content(found.left_out.commit, "clone/file") == b"f\n"


def test_a_file_over_the_limit_is_an_objection_that_names_the_limit_and_its_content_is_kept(
    world: World, tree: Path
) -> None:
    write_files(tree, {"src/big.bin": b"\0" * 3000, "src/small": "s\n"})
    found = taken(world, Intake(SCOPE, file_bytes=2048))
    assert found.objections == ("src/big.bin is larger than 0.00195312 MiB (limits.work_file_mb in policy.yaml)",)
    assert world.content(found.commit, "src/big.bin") == b"\0" * 3000


# --- a hostile git directory -----------------------------------------------------------------------------------------


def branch(world: World, tree: Path) -> str:
    home = agent(world, tree, "symbolic-ref", "--short", "HEAD")
    agent(world, tree, "checkout", "-q", "-b", "feature")
    write_files(tree, {"src/feature.py": "f = 1\n"})
    agent(world, tree, "add", "-A")
    agent(world, tree, "commit", "-q", "-m", "feature")
    made = agent(world, tree, "rev-parse", "HEAD")
    agent(world, tree, "checkout", "-q", home)
    return made


def test_nothing_that_the_agents_git_is_told_to_run_runs(world: World, tree: Path) -> None:
    branch(world, tree)
    mark = world.root / "mark"
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.hooksPath",
        "uploadpack.packObjectsHook",
        "core.alternateRefsCommand",
    ):
        agent(world, tree, "config", key, f"touch {mark}")
    (tree / ".git/hooks").mkdir(exist_ok=True)
    found = taken(world)
    assert found.left_out is not None
    assert not mark.exists()


def test_alternates_of_the_agents_lead_nowhere(world: World, tree: Path) -> None:
    other = world.root / "other"
    other.mkdir()
    git("init", "-q", cwd=other, home=world.root)
    write_files(other, {"secret": "s\n"})
    git("add", "-A", cwd=other, home=world.root)
    git("commit", "-q", "-m", "secret", cwd=other, home=world.root)
    secret = git("rev-parse", "HEAD", cwd=other, home=world.root)
    (tree / ".git/objects/info/alternates").write_text(f"{other}/.git/objects\n")
    (tree / ".git/refs/heads/stolen").write_text(f"{secret}\n")
    found = taken(world)
    assert found.left_out is not None
    assert found.left_out.items == ("stolen (its commits are missing or broken)",)
    assert world.engine.call("cat-file", "-e", secret).returncode != 0


def test_an_object_under_a_false_name_does_not_come_in(world: World, tree: Path) -> None:
    made = branch(world, tree)
    blob = agent(world, tree, "rev-parse", f"{made}:src/feature.py")
    write_files(tree, {"src/evil.py": "evil\n"})
    evil = agent(world, tree, "hash-object", "-w", "src/evil.py")
    place = tree / ".git/objects" / blob[:2] / blob[2:]
    place.unlink()
    shutil.copy(tree / ".git/objects" / evil[:2] / evil[2:], place)
    found = taken(world)
    assert found.left_out is not None
    assert found.left_out.items[0].startswith("the session's own git repository could not be read (")
    assert world.engine.call("cat-file", "-e", blob).returncode != 0


@pytest.mark.parametrize("place", ["objects", "refs", "logs", "HEAD", "index", "."])
def test_links_in_the_agents_git_are_not_followed(world: World, tree: Path, place: str) -> None:
    branch(world, tree)
    there = tree / ".git" / place
    there.rename(world.root / "moved")
    there.symlink_to(world.root / "moved")
    write_files(tree, {"src/a.py": "a = 2\n"})
    assert "src/a.py" in paths(taken(world))


def test_damaged_refs_packs_and_indexes_are_no_failure(world: World, tree: Path) -> None:
    branch(world, tree)
    write_files(
        tree,
        {
            ".git/refs/heads/broken": "f" * 40 + "\n",
            ".git/packed-refs": b"\xff\xfe" * 1000,
            ".git/logs/refs/heads/odd": b"x\n" * 1000,
            ".git/index": b"DIRC\0\0\0\2\xff\xff\xff\xff",
            "src/a.py": "a = 2\n",
        },
    )
    found = taken(world)
    assert paths(found) == ["src/a.py"]
    assert found.left_out is not None
    assert "feature (1 commit)" in found.left_out.items
    assert "broken (its commits are missing or broken)" in found.left_out.items


def test_a_repository_too_large_to_be_read_is_told(world: World, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from swarmgit.adapters.git import beside

    branch(world, tree)
    monkeypatch.setattr(beside, "OBJECT_BYTES_MAX", 10)
    found = taken(world)
    assert found.left_out is not None
    assert found.left_out.items == ("the session's own git repository could not be read (feature)",)


def _planted(tree: Path, how: str) -> str:
    """Make a commit in the agent's git whose tree no disk could hold, and return it."""
    entry, times = ("040000 tree {}\td{}\n", 10 if how == "wide" else 1)
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=tree, input=b"x", capture_output=True, check=True
    )
    listing = f"100644 blob {blob.stdout.decode().strip()}\tf\n"
    objects = tree / ".git" / "objects"
    for _ in range(30 if how == "wide" else 1200):
        raw = b"".join(
            f"{line.split()[0].lstrip('0')} {line.partition(chr(9))[2]}".encode()
            + b"\0"
            + bytes.fromhex(line.split()[2])
            for line in listing.splitlines()
        )
        content = b"tree %d\0" % len(raw) + raw
        made = hashlib.sha1(content).hexdigest()
        (objects / made[:2]).mkdir(exist_ok=True)
        (objects / made[:2] / made[2:]).write_bytes(zlib.compress(content))
        listing = "".join(entry.format(made, number) for number in range(times))
    return made


@pytest.mark.parametrize("how", ["wide", "deep"])
def test_a_few_objects_that_stand_for_more_than_a_disk_holds_are_told_and_followed_by_nobody(
    world: World, tree: Path, how: str
) -> None:
    made = _planted(tree, how)
    bomb = agent(world, tree, "commit-tree", "-p", "HEAD", "-m", "bomb", made)
    agent(world, tree, "branch", "bomb", bomb)
    agent(world, tree, "checkout", "-q", "-b", "fine")
    write_files(tree, {"src/fine.py": "f = 1\n"})
    agent(world, tree, "add", "-A")
    agent(world, tree, "commit", "-q", "-m", "fine")
    agent(world, tree, "checkout", "-q", "-")
    write_files(tree, {"src/a.py": "a = 2\n"})
    found = taken(world)
    assert paths(found) == ["src/a.py"]
    assert found.left_out is not None
    assert set(found.left_out.items) == {
        "bomb (it has more files, or deeper folders, than can be saved)",
        "fine (1 commit)",
    }
    assert world.engine.call("cat-file", "-e", bomb).returncode != 0


def test_a_damaged_copy_of_what_the_engine_has_stands_before_nothing(world: World, tree: Path) -> None:
    base, home = world.git("rev-parse", "HEAD"), agent(world, tree, "symbolic-ref", "--short", "HEAD")
    agent(world, tree, "checkout", "-q", "-b", "feature")
    write_files(tree, {"src/feature.py": "f = 1\n"})
    agent(world, tree, "add", "-A")
    agent(world, tree, "commit", "-q", "-m", "feature")
    agent(world, tree, "checkout", "-q", home)
    write_files(tree, {"src/a.py": "a = 2\n"})
    bad = tree / ".git/objects" / base[:2] / base[2:]
    bad.parent.mkdir(exist_ok=True)
    bad.write_bytes(b"garbage")
    found = taken(world)
    assert paths(found) == ["src/a.py"]
    assert found.left_out is not None
    assert found.left_out.items == ("feature (1 commit)",)


def test_endless_reflogs_are_read_up_to_a_bound(world: World, tree: Path) -> None:
    lines = "".join(f"{0:040x} {number:040x} a <a@b> 1 +0000\n" for number in range(1, 2000))
    write_files(tree, {f".git/logs/refs/heads/{number}": lines for number in range(40)})
    assert sum(1 for _ in beside._tips(tree / ".git")) < 4 << 14
