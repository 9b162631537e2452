"""Capture: what counts is the net difference of the files, whatever was done to the `.git`, to names and to kinds."""

import os
import socket
from pathlib import Path

import pytest
from worktree_world import AGENT, World, git, snapshot, write_files

from swarmgit.adapters.git.findings import Limits
from swarmgit.adapters.git.scan import scan
from swarmgit.adapters.git.slots import SlotStore
from swarmgit.model.ids import SessionId

BASE = {".gitignore", ".swarm/tasks/t.yaml", "README.md", "src/a.py", "src/b.py", "src/deep/c.py"}


@pytest.fixture
def tree(world: World) -> Path:
    return world.lease("s1", world.git("rev-parse", "HEAD")).tree


def lines(world: World) -> list[str]:
    return [f"{change.status} {change.path}" for change in world.capture("s1").changes]


def objections(world: World) -> str:
    return "\n".join(world.capture("s1").objections)


def test_an_untouched_tree_has_no_changes(world: World, tree: Path) -> None:
    taken = world.capture("s1")
    assert (taken.changes, taken.objections, taken.markers, dict(taken.links)) == ((), (), (), {})
    assert world.engine.line("rev-parse", f"{taken.commit}^") == taken.base == world.git("rev-parse", "HEAD")


def test_every_kind_of_change_is_taken_in(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n", "new/file.txt": "n\n", "README.md": None})
    (tree / "src/b.py").chmod(0o755)
    (tree / "link").symlink_to("src/a.py")
    taken = world.capture("s1")
    facts = {change.path: (change.status, change.old_mode, change.new_mode) for change in taken.changes}
    assert facts == {
        "README.md": ("D", "100644", "000000"),
        "link": ("A", "000000", "120000"),
        "new/file.txt": ("A", "000000", "100644"),
        "src/a.py": ("M", "100644", "100644"),
        "src/b.py": ("M", "100644", "100755"),
    }
    assert taken.links == {"link": "src/a.py"}
    assert world.content(taken.commit, "new/file.txt") == b"n\n"
    assert taken.objections == ()


def test_the_commit_names_its_makers_and_is_the_same_each_time(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n"})
    first = world.capture("s1", "Subject\n\nSwarm-Task: t\n")
    world.reopen()
    assert world.capture("s1", "Subject\n\nSwarm-Task: t\n") == first
    shown = world.engine.line("log", "-1", "--format=%an <%ae>|%cn <%ce>|%aI|%B", first.commit)
    author = f"{AGENT.name} <{AGENT.email}>"
    assert shown == f"{author}|swarmgit <swarmgit@localhost>|2026-01-02T03:04:05+00:00|Subject\n\nSwarm-Task: t"


def test_the_agents_own_commits_count_by_their_net_result(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n"})
    git("commit", "-q", "-am", "first", cwd=tree, home=world.root)
    write_files(tree, {"src/a.py": "a = 1\n", "src/b.py": "b = 2\n"})
    git("commit", "-q", "-am", "second", cwd=tree, home=world.root)
    assert lines(world) == ["M src/b.py"]
    assert world.trees.agent_message(SessionId("s1")) == "second"


def test_capturing_changes_nothing_in_the_tree(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n", "x": "y"})
    before = snapshot(tree)
    world.capture("s1")
    assert snapshot(tree) == before
    assert git("status", "--porcelain", cwd=tree, home=world.root) == "M src/a.py\n?? x"


def test_an_edit_with_forged_times_and_the_same_size_is_seen(world: World, tree: Path) -> None:
    before = (tree / "src/a.py").stat()
    (tree / "src/a.py").write_text("a = 9\n")
    os.utime(tree / "src/a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lines(world) == ["M src/a.py"]


def test_ignored_files_are_left_out_but_tracked_ones_never(world: World, tree: Path) -> None:
    write_files(tree, {".gitignore": "*\n", "src/a.py": "a = 2\n", "hidden.txt": "h", "x.log": "l"})
    assert lines(world) == ["M .gitignore", "M src/a.py"]


def test_a_file_in_place_of_a_folder_and_the_reverse(world: World, tree: Path) -> None:
    (tree / "src/deep/c.py").unlink()
    (tree / "src/deep").rmdir()
    write_files(tree, {"src/deep": "file\n", "README.md": None, "README.md/x": "x\n"})
    assert lines(world) == ["D README.md", "A README.md/x", "A src/deep", "D src/deep/c.py"]


def test_conflict_markers_are_found_in_text_only(world: World, tree: Path) -> None:
    conflict = "x\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n"
    write_files(
        tree,
        {
            "src/a.py": conflict,
            "one.txt": "<<<<<<< HEAD\n",
            "bin": b"\0" + conflict.encode(),
            "quoted.md": "    <<<<<<< HEAD\n    >>>>>>> x\n",
            "big.txt": conflict + "x" * (1 << 20),
        },
    )
    assert world.capture("s1").markers == ("src/a.py",)


# --- attributes, filters, hooks, drivers -----------------------------------------------------------------------------


def payload(world: World) -> tuple[str, Path]:
    mark = world.root / "mark"
    script = world.root / "payload.sh"
    script.write_text(f"#!/bin/sh\necho ran >> {mark}\ncat\n")
    script.chmod(0o755)
    return str(script), mark


def test_planted_attributes_convert_nothing_and_run_nothing(world: World, tree: Path) -> None:
    script, mark = payload(world)
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv"):
        git("config", key, script, cwd=tree, home=world.root)
    attributes = "* filter=evil diff=evil merge=union text eol=crlf ident working-tree-encoding=UTF-16\n"
    write_files(tree, {".gitattributes": attributes, "src/.gitattributes": attributes, "src/a.py": "$Id: x$\r\nb\n"})
    taken = world.capture("s1")
    assert world.content(taken.commit, "src/a.py") == b"$Id: x$\r\nb\n"
    assert not mark.exists()
    world.release("s1")
    again = world.lease("s2", taken.commit)
    assert (again.tree / "src/a.py").read_bytes() == b"$Id: x$\r\nb\n"
    assert not mark.exists()


def test_nothing_planted_in_the_private_git_runs_on_the_host(world: World, tree: Path) -> None:
    script, mark = payload(world)
    for key in ("core.fsmonitor", "core.sshCommand", "core.editor", "core.pager", "diff.external", "gpg.program"):
        git("config", key, script, cwd=tree, home=world.root)
    git("config", "core.hooksPath", str(tree / "hooks"), cwd=tree, home=world.root)
    git("config", "alias.add", f"!{script}", cwd=tree, home=world.root)
    git("config", "include.path", str(tree / "more"), cwd=tree, home=world.root)
    git("config", "core.worktree", "/", cwd=tree, home=world.root)
    for name in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        for folder in ("hooks", ".git/hooks"):
            write_files(tree, {f"{folder}/{name}": f"#!/bin/sh\n{script}\n"})
            (tree / folder / name).chmod(0o755)
    write_files(tree, {"src/a.py": "a = 2\n", ".git/config.worktree": f"[core]\nfsmonitor={script}\n"})
    world.capture("s1")
    world.trees.agent_message(SessionId("s1"))
    world.release("s1")
    world.lease("s2", world.git("rev-parse", "HEAD"))
    assert not mark.exists()


def test_index_tricks_in_the_private_git_hide_nothing(world: World, tree: Path) -> None:
    git("update-index", "--skip-worktree", "src/a.py", cwd=tree, home=world.root)
    git("update-index", "--assume-unchanged", "src/b.py", cwd=tree, home=world.root)
    write_files(tree, {"src/a.py": "a = 2\n", "src/b.py": "b = 2\n", ".git/index.lock": "", ".git/info/exclude": "*\n"})
    write_files(tree, {"new": "n"})
    assert lines(world) == ["A new", "M src/a.py", "M src/b.py"]


@pytest.mark.parametrize("how", ["gone", "file", "link", "pipe", "elsewhere"])
def test_a_private_git_that_is_gone_or_replaced_does_not_matter(world: World, tree: Path, how: str) -> None:
    (tree / ".git").rename(world.root / "stolen")
    if how == "file":
        (tree / ".git").write_text(f"gitdir: {world.person}/.git\n")
    elif how == "link":
        (tree / ".git").symlink_to(world.person / ".git")
    elif how == "pipe":
        os.mkfifo(tree / ".git")
    elif how == "elsewhere":
        (tree / ".git").mkdir()
        (tree / ".git/commondir").write_text(f"{world.person}/.git\n")
    write_files(tree, {"src/a.py": "a = 2\n"})
    before = snapshot(world.person / ".git")
    assert lines(world) == ["M src/a.py"]
    assert world.trees.agent_message(SessionId("s1")) is None
    world.release("s1")
    world.lease("s2", world.git("rev-parse", "HEAD"))
    assert snapshot(world.person / ".git") == before


def test_planted_replace_refs_grafts_and_alternates_do_not_matter(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n"})
    git("commit", "-q", "-am", "x", cwd=tree, home=world.root)
    git("replace", "HEAD~1", "HEAD", cwd=tree, home=world.root)
    write_files(tree, {".git/info/grafts": "", ".git/shallow": "", ".git/objects/info/alternates": "/etc\n"})
    assert lines(world) == ["M src/a.py"]


# --- what is refused but still saved ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o755, 0o500, 0])
def test_a_giant_that_git_would_read_whole_is_refused_each_time(world: World, tree: Path, mode: int) -> None:
    (tree / "d").mkdir()
    for path in (tree / ".gitignore", tree / "d/.gitattributes"):
        with path.open("ab") as file:
            file.truncate(1 << 40)
    (tree / "d").chmod(mode)
    assert objections(world) == ".gitignore is larger than 1 MiB\nd/.gitattributes is larger than 1 MiB"
    assert objections(world) == ".gitignore is larger than 1 MiB\nd/.gitattributes is larger than 1 MiB"
    assert (tree / "d/.gitattributes").stat().st_size < 2 << 20


def test_pipes_sockets_and_devices_are_refused(world: World, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tree / "src/pipe")
    (tree / "src/a.py").unlink()
    os.mkfifo(tree / "src/a.py")
    monkeypatch.chdir(tree)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
    write_files(tree, {"src/b.py": "b = 2\n"})
    taken = world.capture("s1")
    assert sorted(taken.objections) == [
        f"{path} is a pipe, socket or device" for path in ("sock", "src/a.py", "src/pipe")
    ]
    assert "src/b.py" in [change.path for change in taken.changes]


def test_what_git_ignores_is_no_reason_to_refuse(world: World, tree: Path) -> None:
    (tree / "build").mkdir()
    os.mkfifo(tree / "build/pipe")
    os.link(tree / "README.md", tree / "x.log")
    os.truncate(os.open(tree / "y.log", os.O_CREAT | os.O_WRONLY), 1 << 40)
    git("init", "-q", str(tree / "build/repo"), cwd=tree, home=world.root)
    taken = world.capture("s1")
    assert taken.changes == ()
    assert taken.objections == ()


def test_a_sparse_giant_is_refused_and_not_read_and_what_is_only_too_large_is_saved(world: World, tree: Path) -> None:
    os.truncate(os.open(tree / "giant", os.O_CREAT | os.O_WRONLY), 1 << 40)
    os.truncate(tree / "src/a.py", Limits().intake.file_bytes + 1)
    write_files(tree, {"src/b.py": "b = 2\n"})
    taken = world.capture("s1")
    told = "is larger than 50 MiB (limits.work_file_mb in policy.yaml)"
    assert taken.objections == (f"src/a.py {told}", f"giant {told}, and too large to be saved")
    assert [change.path for change in taken.changes] == ["src/a.py", "src/b.py"]


def test_a_nested_repository_is_refused_and_its_files_are_saved(world: World, tree: Path) -> None:
    for where, filled in (("lib", True), ("empty", False), ("src", False)):
        git("init", "-q", str(tree / where), cwd=tree, home=world.root)
        write_files(tree, {f"{where}/f.txt": "f\n"})
        if filled:
            git("add", "-A", cwd=tree / where, home=world.root)
            git("commit", "-q", "-m", "x", cwd=tree / where, home=world.root)
    write_files(tree, {"src/a.py": "a = 2\n", "src/b.py": None})
    taken = world.capture("s1")
    assert sorted(taken.objections) == [
        f"{where}/.git belongs to a repository inside the worktree" for where in ("empty", "lib", "src")
    ]
    paths = {f"{change.status} {change.path}" for change in taken.changes}
    assert paths == {"A empty/f.txt", "A lib/f.txt", "A src/f.txt", "M src/a.py", "D src/b.py"}
    assert all(change.new_mode != "160000" for change in taken.changes)


def test_a_bare_repository_committed_as_files_is_refused(world: World, tree: Path) -> None:
    git("init", "-q", "--bare", str(tree / "fixtures/repo.git"), cwd=tree, home=world.root)
    assert "fixtures/repo.git looks like a bare repository" in objections(world)


def test_the_worktrees_root_is_no_place_for_a_bare_repository(world: World, tree: Path) -> None:
    write_files(tree, {"HEAD": "ref: refs/heads/x\n", "objects/x": "", "refs/x": ""})
    assert "the worktree looks like a bare repository" in objections(world)


def test_a_hard_link_to_something_outside_is_refused(world: World, tree: Path) -> None:
    secret = world.root / "secret"
    secret.write_text("secret\n")
    os.link(secret, tree / "src/notes.txt")
    assert objections(world) == "src/notes.txt is a hard link to a file outside of the work"


def test_hard_links_among_new_files_are_fine(world: World, tree: Path) -> None:
    write_files(tree, {"one": "1\n"})
    os.link(tree / "one", tree / "two")
    assert objections(world) == ""


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (b"src/\xff.py", "not UTF-8"),
        (b"src/a\nb", "line break or control"),
        (b"src/\x1b[2J", "line break or control"),
        (b"src/-rf", "begins with a dash"),
        (b"-x/y", "begins with a dash"),
        (b"src/.GIT/config", "take for .git"),
        (b"src/git~1/config", "take for .git"),
        ("src/.g\u200cit/hooks/x".encode(), "take for .git"),
        (b".Git", "take for .git"),
    ],
)
def test_hostile_names_are_refused_and_written_out(world: World, tree: Path, name: bytes, complaint: str) -> None:
    write_files(tree, {os.fsdecode(name): "x", "src/b.py": "b = 2\n"})
    taken = world.capture("s1")
    assert complaint in "\n".join(taken.objections)
    assert all(objection.isprintable() for objection in taken.objections)
    assert "src/b.py" in [change.path for change in taken.changes]


def test_a_folder_swapped_for_a_link_is_not_followed(world: World, tree: Path) -> None:
    outside = world.root / "outside"
    (tree / "src").rename(outside)
    (tree / "src").symlink_to(outside)
    (outside / "secret").write_text("secret")
    os.mkfifo(outside / "pipe")
    taken = world.capture("s1")
    assert {f"{c.status} {c.path}" for c in taken.changes} == {
        "A src",
        "D src/a.py",
        "D src/b.py",
        "D src/deep/c.py",
    }
    assert taken.links == {"src": str(outside)}
    assert taken.objections == ()


def test_a_tree_that_was_removed_or_replaced_is_refused(world: World, tree: Path) -> None:
    tree.rename(world.root / "moved")
    tree.symlink_to(world.person)
    taken = world.capture("s1")
    assert taken.objections == ("the worktree itself was removed or replaced",)
    assert taken.changes == ()
    world.release("s1")
    assert world.lease("s2", taken.base).tree.is_symlink() is False


def test_very_deep_folders_are_refused(world: World, tree: Path) -> None:
    folder = os.open(tree, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("deep", dir_fd=folder)
        below = os.open("deep", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    write_files(tree, {"src/b.py": "b = 2\n"})
    taken = world.capture("s1")
    assert "lies more than 100 folders deep" in "\n".join(taken.objections)
    assert [change.path for change in taken.changes] == ["src/b.py"]
    world.release("s1")
    world.trees.gc(0)
    assert list((world.store / "trash").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="as root nothing is unreadable; this shows that rights alone do no harm")
def test_rights_do_not_keep_work_from_being_saved(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n", "new/x": "x"})
    for path in ("src/a.py", "new/x", "new", "src"):
        (tree / path).chmod(0)
    assert lines(world) == ["A new/x", "M src/a.py"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_made_readable_and_saved(world: World, tree: Path) -> None:
    write_files(tree, {"src/a.py": "a = 2\n", "new/x": "x"})
    for path in ("src/a.py", "new/x", "new"):
        (tree / path).chmod(0)
    assert lines(world) == ["A new/x", "M src/a.py"]


@pytest.mark.parametrize("limits", [Limits(files=3), Limits(total_size=30)])
def test_too_much_is_refused_beyond_the_limit(world: World, tree: Path, limits: Limits) -> None:
    write_files(tree, {f"new/{n}": "x" * 10 for n in range(5)})
    slot = SlotStore(world.store, world.fault).find("s1")
    assert slot is not None
    found = scan(world.engine, slot, limits)
    assert len(found.present) == 3
    assert len(found.objections) == 2


def test_a_tree_that_was_objected_to_is_not_used_again(world: World, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    world.capture("s1")
    world.release("s1")
    assert not tree.exists()


# --- the message of the agent's own commit ---------------------------------------------------------------------------


def message(world: World) -> str | None:
    return world.trees.agent_message(SessionId("s1"))


def test_without_a_commit_of_its_own_there_is_no_message(world: World, tree: Path) -> None:
    assert message(world) is None


def test_the_message_is_found_on_any_branch_and_detached(world: World, tree: Path) -> None:
    git("checkout", "-q", "-b", "feature/x", cwd=tree, home=world.root)
    git("commit", "-q", "--allow-empty", "-m", "Subject\n\nBody \x1b[31mred", cwd=tree, home=world.root)
    assert message(world) == "Subject\n\nBody [31mred"
    git("checkout", "-q", "--detach", cwd=tree, home=world.root)
    git("pack-refs", "--all", cwd=tree, home=world.root)
    assert message(world) == "Subject\n\nBody [31mred"
    git("checkout", "-q", "feature/x", cwd=tree, home=world.root)
    assert message(world) == "Subject\n\nBody [31mred"


@pytest.mark.parametrize(
    "plant",
    [
        {".git/HEAD": "ref: refs/heads/../../../../secret\n"},
        {".git/HEAD": "ref: ../../secret\n"},
        {".git/HEAD": "1" * 40},
        {".git/HEAD": "x" * 100_000},
        {".git/HEAD": b"\xff\xfe"},
        {".git/HEAD": "ab" + "1" * 38, ".git/objects/ab/" + "1" * 38: b"no zlib"},
    ],
)
def test_a_planted_head_gives_no_message(world: World, tree: Path, plant: dict[str, str | bytes]) -> None:
    (world.store / "secret").write_text("1" * 40)
    write_files(tree, plant)
    assert message(world) is None


def test_links_and_pipes_in_the_private_git_are_not_opened(world: World, tree: Path) -> None:
    (tree / ".git/HEAD").unlink()
    os.mkfifo(tree / ".git/HEAD")
    assert message(world) is None
    (tree / ".git/HEAD").unlink()
    (tree / ".git/HEAD").symlink_to(world.person / ".git/HEAD")
    assert message(world) is None


def test_folders_beyond_what_a_path_can_say_are_objected_to_and_the_rest_is_taken_in(
    world: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tree, {"src/new.py": "n = 1\n"})
    with monkeypatch.context() as there:
        there.chdir(tree / "src")
        for _ in range(20):
            Path("d" * 250).mkdir()
            os.chdir("d" * 250)
        Path("f").write_text("out of reach\n")
    assert "A src/new.py" in lines(world)
    assert "has a path so long that what is in it cannot be opened" in objections(world)
