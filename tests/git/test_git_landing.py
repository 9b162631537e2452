"""Landing: all or nothing, nothing of the person's is lost, and a kill at any step changes nothing of that."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from person_repository import Killed, Person, kill_landing, make_person

from swarmgit.errors import SwarmError
from swarmgit.model.landings import InTheWay, Landed, Moved

CHANGES = {"a.txt": "landed\n", "src/new.txt": "new\n", "src/c.txt": None}
REF = "refs/swarm/candidate/01abc"


def tree_files(top: Path) -> dict[str, str]:
    return {
        str(path.relative_to(top)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in sorted(top.rglob("*"))
        if (path.is_file() or path.is_symlink()) and ".git" not in path.relative_to(top).parts
    }


def snapshot(person: Person) -> tuple:
    """Everything of the person's that a landing must not change when it does not land."""
    git_files = {path.name for path in person.common_dir.iterdir()}
    status = person.git("status", "--porcelain=v2")
    return tree_files(person.top), status, person.git("stash", "list"), person.head("main"), git_files


def assert_no_locks(person: Person) -> None:
    left = [*person.common_dir.rglob("*.lock"), *person.common_dir.rglob("*index.swarmgit*")]
    left += list(person.live.glob("landing.json"))
    assert left == []


def test_a_clean_checkout_follows(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert person.head("main") == new
    assert person.git("status", "--porcelain") == ""
    assert tree_files(person.top) == {
        ".swarm/swarm.yaml": "target: main\n", "a.txt": "landed\n", "src/b.txt": "b\n", "src/new.txt": "new\n",
    }  # fmt: skip
    assert_no_locks(person)
    assert person.git("reflog", "-1", "--format=%gs", "main") == "swarmgit: land"


def test_unrelated_edits_stay_byte_for_byte(person: Person) -> None:
    old = person.head()
    new = person.make("main", {"a.txt": "landed\n"})
    person.write({"src/c.txt": "stashed\n"})
    person.git("stash")
    person.write({"src/b.txt": "unstaged\n", "src/c.txt": "staged\n", "untracked.txt": "mine\n"})
    person.git("add", "src/c.txt")
    person.write({"src/c.txt": "staged, then edited\n"})
    before = person.git("status", "--porcelain")
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert person.git("status", "--porcelain") == before
    assert (person.top / "src/c.txt").read_text() == "staged, then edited\n"
    assert person.git("show", ":src/c.txt") == "staged"
    assert person.git("stash", "list") != ""
    assert (person.top / "a.txt").read_text() == "landed\n"


def modify(person: Person) -> str:
    person.write({"a.txt": "edited\n"})
    return "a.txt"


def stage(person: Person) -> str:
    person.write({"a.txt": "edited\n"})
    person.git("add", "a.txt")
    return "a.txt"


def stage_then_restore(person: Person) -> str:
    stage(person)
    person.write({"a.txt": "a\n"})
    return "a.txt"


def edit_what_goes(person: Person) -> str:
    person.write({"src/c.txt": "edited\n"})
    return "src/c.txt"


def leave_untracked(person: Person) -> str:
    person.write({"src/new.txt": "mine\n"})
    return "src/new.txt"


def leave_ignored(person: Person) -> str:
    (person.common_dir / "info/exclude").write_text("new.txt\n")
    person.write({"src/new.txt": "secret\n"})
    return "src/new.txt"


def stage_the_same_name(person: Person) -> str:
    person.write({"src/new.txt": "mine\n"})
    person.git("add", "src/new.txt")
    return "src/new.txt"


def put_a_folder_there(person: Person) -> str:
    person.write({"src/new.txt/inner": "mine\n"})
    return "src/new.txt"


def start_merging(person: Person) -> str:
    (person.common_dir / "MERGE_HEAD").write_text(person.head() + "\n")
    return "MERGE_HEAD"


def hold_the_index(person: Person) -> str:
    (person.common_dir / "index.lock").write_text("")
    return "index.lock"


def start_a_rebase(person: Person) -> str:
    (person.common_dir / "rebase-merge").mkdir()
    (person.common_dir / "rebase-merge/head-name").write_text("refs/heads/main\n")
    person.git("checkout", "-q", "--detach")
    return "rebase-merge"


def start_a_bisection(person: Person) -> str:
    person.git("bisect", "start", "HEAD", "HEAD~0")
    person.git("checkout", "-q", "--detach")
    return "BISECT_START"


EDITS = [
    modify, stage, stage_then_restore, edit_what_goes, leave_untracked, leave_ignored, stage_the_same_name,
    put_a_folder_there, start_merging, hold_the_index, start_a_rebase,
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_in_the_way_is_named_and_nothing_is_changed(person: Person, edit) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.live  # noqa: B018 - made before, so that it is in both snapshots
    landing = person.landing()
    path = edit(person)
    before = snapshot(person) if edit is not start_merging else None
    assert landing.land("main", old, new) == InTheWay(str(person.top), (path,))
    assert before is None or snapshot(person) == before
    assert person.head("main") == old
    assert not (person.live / "landing.json").exists()


def test_a_bisection_that_began_on_the_target_is_in_the_way(person: Person) -> None:
    first = person.head()
    for number in range(4):
        old = person.commit({"n": str(number)})
    new = person.make("main", CHANGES)
    person.git("bisect", "start", "HEAD", first)
    assert person.landing().land("main", old, new) == InTheWay(str(person.top), ("BISECT_START",))


def test_a_folder_on_the_way_that_is_an_untracked_file_is_in_the_way(person: Person) -> None:
    old = person.head()
    new = person.make("main", {"lib/deep/new.txt": "new\n"})
    person.write({"lib": "mine\n"})
    assert person.landing().land("main", old, new) == InTheWay(str(person.top), ("lib",))
    (person.top / "lib").unlink()
    (person.top / "elsewhere").mkdir()
    (person.top / "lib").symlink_to("elsewhere")
    assert person.landing().land("main", old, new) == InTheWay(str(person.top), ("lib",))


def test_a_file_that_becomes_a_folder_and_back_follows(person: Person) -> None:
    old = person.head()
    new = person.make("main", {"a.txt": None, "a.txt/inner": "new\n"})
    landing = person.landing()
    assert landing.land("main", old, new) == Landed((str(person.top),))
    newer = person.make("main", {"a.txt/inner": None, "a.txt": "x:back\n"})
    assert landing.land("main", new, newer) == Landed((str(person.top),))
    assert person.git("status", "--porcelain") == ""
    assert os.access(person.top / "a.txt", os.X_OK)


def test_a_touched_but_equal_file_is_not_in_the_way(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    os.utime(person.top / "a.txt", (1, 1))
    (person.top / "src/c.txt").unlink()
    person.write({"src/c.txt": "c\n"})
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert person.git("status", "--porcelain") == ""


def test_an_edit_right_after_a_commit_is_noticed(person: Person) -> None:
    for number in range(10):
        old = person.commit({"racy.txt": f"{number:04}\n"})
        new = person.make("main", {"racy.txt": "land\n"})
        landing = person.landing()
        person.commit({"racy.txt": f"{number:03}x\n"})
        person.git("reset", "-q", "--hard", old)
        person.write({"racy.txt": "mine\n"})
        assert landing.land("main", old, new) == InTheWay(str(person.top), ("racy.txt",))
        person.git("checkout", "-q", "racy.txt")


def test_on_another_branch_only_the_ref_moves(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.git("checkout", "-q", "-b", "mine")
    person.write({"a.txt": "edited\n"})
    before = tree_files(person.top)
    assert person.landing().land("main", old, new) == Landed()
    assert person.head("main") == new
    assert person.head() == old
    assert tree_files(person.top) == before
    assert person.git("status", "--porcelain") == " M a.txt"


def test_a_detached_checkout_is_left_alone(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.git("checkout", "-q", "--detach")
    assert person.landing().land("main", old, new) == Landed()
    assert person.head() == old
    assert person.git("status", "--porcelain") == ""


def test_linked_worktrees_on_the_target_follow(person: Person, tmp_path: Path) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.git("checkout", "-q", "-b", "mine")
    linked = tmp_path / "linked"
    person.git("worktree", "add", "-q", str(linked), "main")
    assert person.landing().land("main", old, new) == Landed((str(linked),))
    assert (linked / "a.txt").read_text() == "landed\n"
    assert person.git("status", "--porcelain", cwd=linked) == ""
    newer = person.make("main", {"a.txt": "newer\n"})
    person.write({"a.txt": "edited\n"}, linked)
    assert person.landing().land("main", new, newer) == InTheWay(str(linked), ("a.txt",))
    assert_no_locks(person)


def test_two_checkouts_of_the_target_follow_together_or_not_at_all(person: Person, tmp_path: Path) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    linked = tmp_path / "linked"
    person.git("worktree", "add", "-q", "-f", str(linked), "main")
    person.write({"a.txt": "edited\n"}, linked)
    assert person.landing().land("main", old, new) == InTheWay(str(linked), ("a.txt",))
    assert (person.top / "a.txt").read_text() == "a\n"
    person.git("checkout", "-q", "a.txt", cwd=linked)
    assert person.landing().land("main", old, new) == Landed((str(person.top), str(linked)))
    assert person.git("status", "--porcelain") == person.git("status", "--porcelain", cwd=linked) == ""


def test_a_removed_worktree_keeps_nobody_waiting(person: Person, tmp_path: Path) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.git("checkout", "-q", "-b", "mine")
    linked = tmp_path / "linked"
    person.git("worktree", "add", "-q", str(linked), "main")
    linked.rename(tmp_path / "away")
    assert person.landing().land("main", old, new) == Landed()


def test_a_bare_repository_has_only_its_ref_moved(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    bare = make_person(folder, "--bare")
    bare.git("fetch", "-q", str(person.top), "main:main")
    old = bare.head("main")
    new = bare.make("main", CHANGES)
    assert bare.landing().land("main", old, new) == Landed()
    assert bare.head("main") == new
    assert not (bare.top / "index").exists()
    bare.close()


def test_a_target_that_moved_is_reported(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.commit({"other": "x"})
    assert person.landing().land("main", old, new) == Moved()
    assert person.landing().land("nowhere", old, new) == Moved()
    assert_no_locks(person)


def test_landing_again_is_landed(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.landing().land("main", old, new)
    assert person.landing().land("main", old, new) == Landed()
    person.commit({"later": "x"})
    assert person.landing().land("main", old, new) == Landed()


def test_a_stack_lands_at_once_and_what_is_not_built_on_the_target_never(person: Person) -> None:
    old = person.head()
    first = person.make("main", {"a.txt": "1\n"})
    second = person.make(first, {"a.txt": "2\n"})
    assert person.landing().land("main", old, second) == Landed((str(person.top),))
    stranger = person.make(old, {"a.txt": "3\n"})
    with pytest.raises(ValueError, match="first-parent"):
        person.landing().land("main", second, stranger)


STEPS = ("landing: recorded", "landing: locked", "landing: looked", "landing: moved", "landing: followed",
         "landing: unlocked")  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("again", ["heal", "land"])
def test_a_kill_at_any_step_ends_as_if_there_had_been_none(person: Person, step: str, again: str) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    person.write({"src/b.txt": "edited\n", "untracked": "mine\n"})

    def kill(name: str) -> None:
        if name == step:
            raise Killed

    with pytest.raises(Killed):
        person.landing(kill).land("main", old, new)
    landing = person.landing()
    if again == "heal":
        landing.heal("main")
        assert_no_locks(person)
        moved = person.head("main") == new
        assert moved == (STEPS.index(step) >= STEPS.index("landing: moved"))
        assert ((person.top / "a.txt").read_text() == "landed\n") == moved
    assert isinstance(landing.land("main", old, new), Landed)
    assert person.head("main") == new
    assert person.git("status", "--porcelain") == " M src/b.txt\n?? untracked"
    assert_no_locks(person)


def test_half_written_files_of_a_killed_follow_are_written_whole(person: Person) -> None:
    old = person.head()
    changes = {f"f{number}": f"content {number}\n" * 100 for number in range(6)}
    person.commit(dict.fromkeys(changes, "old\n") | {"gone": "x"})
    old = person.head()
    new = person.make("main", {**changes, "gone": None, "fresh/one": "fresh\n", "fresh/two": "fresh\n"})
    kill_landing(person, "landing: moved", old, new)
    person.write({"f0": changes["f0"], "f1": changes["f1"][:50], "f2": "", "fresh/one": "fre"})
    (person.top / "f3").unlink()
    (person.top / "gone").unlink()
    person.landing().heal("main")
    assert person.git("status", "--porcelain") == ""
    assert (person.top / "f1").read_text() == changes["f1"]
    assert_no_locks(person)


def test_an_edit_made_between_a_kill_and_the_healing_stays(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    kill_landing(person, "landing: moved", old, new)
    person.write({"a.txt": "mine\n", "src/new.txt": "mine too\n", "src/c.txt": "mine as well\n"})
    person.landing().heal("main")
    assert person.git("status", "--porcelain") == " M a.txt\n M src/new.txt\n?? src/c.txt"
    assert (person.top / "a.txt").read_text() == "mine\n"
    assert_no_locks(person)


def test_ref_locks_are_removed_only_when_they_are_of_this_landing(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    kill_landing(person, "landing: looked", old, new)
    lock = person.common_dir / "refs/heads/main.lock"
    head = person.common_dir / "HEAD.lock"
    lock.write_text(f"{new}\n")
    head.write_text("")
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert_no_locks(person)
    newer = person.make("main", {"a.txt": "newer\n"})
    kill_landing(person, "landing: looked", new, newer)
    lock.write_text(f"{old}\n")
    with pytest.raises(SwarmError):
        person.landing().land("main", new, newer)
    assert lock.exists()
    lock.unlink()
    assert person.landing().land("main", new, newer) == Landed((str(person.top),))


def test_a_lock_of_a_killed_landing_is_ours_whoever_has_its_number_now(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    content = {"version": 1, "ref": "refs/heads/main", "old": old, "new": new, "pid": os.getppid()}
    boot = Path("/proc/sys/kernel/random/boot_id")
    content["boot"] = boot.read_text().strip() if boot.exists() else ""  # as an earlier version wrote it
    (person.live / "landing.json").write_text(json.dumps(content))
    (person.common_dir / "refs/heads/main.lock").write_text(f"{new}\n")
    assert isinstance(person.landing().land("main", old, new), Landed)
    assert_no_locks(person)


def test_an_index_that_cannot_get_its_second_name_leaves_no_lock(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    landing = person.landing()
    taken = person.common_dir / "index.swarmgit"
    taken.mkdir()
    with pytest.raises(OSError, match=r"index\.swarmgit"):
        landing.land("main", old, new)
    taken.rmdir()
    assert_no_locks(person)
    (person.common_dir / "index.lock").write_text(f"swarmgit {old} {new} 1\n")  # as an earlier version left it
    assert landing.land("main", old, new) == Landed((str(person.top),))
    assert_no_locks(person)


def test_a_landing_that_breaks_off_after_its_move_is_finished_by_the_next_tick(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    kill_landing(person, "landing: moved", old, new)
    person.landing().catch_up(datetime.now(UTC))
    assert_no_locks(person)
    assert person.git("status", "--porcelain") == ""


def test_a_person_s_index_lock_survives_healing(person: Person) -> None:
    (person.common_dir / "index.lock").write_text("")
    person.landing().heal("main")
    assert (person.common_dir / "index.lock").exists()


def test_nothing_that_the_repository_s_settings_name_is_run(person: Person, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    payload = tmp_path / "payload"
    payload.write_text(f'#!/bin/sh\necho "$0" >> {proof}\nexit 0\n')
    payload.chmod(0o755)
    hooks = tmp_path / "hooks"
    for folder in (hooks, person.common_dir / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("reference-transaction", "post-merge", "post-checkout", "post-index-change", "post-commit"):
            (folder / name).symlink_to(payload)
    old = person.head()
    new = person.make("main", CHANGES)
    proof.unlink(missing_ok=True)
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "diff.external", "gpg.program",
                "core.alternateRefsCommand", "uploadpack.packObjectsHook", "merge.evil.driver"):  # fmt: skip
        person.git("config", key, str(payload))
    person.git("config", "core.hooksPath", str(hooks))
    proof.unlink(missing_ok=True)
    landing = person.landing()
    landing.publish(REF, new, old)
    assert isinstance(landing.land("main", old, new), Landed)
    person.engine().withdraw([REF])
    landing.heal("main")
    person.close()
    assert not proof.exists()


def test_the_person_s_line_endings_hold_in_their_checkout(person: Person) -> None:
    person.git("config", "core.autocrlf", "true")
    old = person.head()
    new = person.make("main", CHANGES)
    person.landing().land("main", old, new)
    assert (person.top / "a.txt").read_bytes() == b"landed\r\n"
    assert person.git("status", "--porcelain") == ""


def test_a_sparse_checkout_stays_sparse(person: Person) -> None:
    person.git("sparse-checkout", "set", "src")
    person.git("sparse-checkout", "disable")
    person.commit({"lib/x": "x\n", "lib/y": "y\n"})
    person.git("sparse-checkout", "set", "src")
    old = person.head()
    new = person.make("main", {"lib/x": "landed\n", "lib/z": "landed\n", "src/new.txt": "landed\n"})
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert not (person.top / "lib").exists()
    assert (person.top / "src/new.txt").exists()
    assert person.git("status", "--porcelain") == ""


def test_a_split_index_and_an_untracked_cache_still_work_afterwards(person: Person) -> None:
    person.git("update-index", "--split-index", "--untracked-cache")
    person.git("status")
    old = person.head()
    new = person.make("main", CHANGES)
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert person.git("status", "--porcelain") == ""
    person.git("fsck")


def test_a_checkout_without_an_index_has_nothing_to_follow_with(person: Person) -> None:
    old = person.head()
    new = person.make("main", CHANGES)
    (person.common_dir / "index").unlink()
    assert person.landing().land("main", old, new) == Landed()
    assert not (person.common_dir / "index").exists()


def test_a_submodule_moves_in_the_index_only(person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    sub = make_person(folder)
    first = sub.commit({"x": "1"})
    second = sub.commit({"x": "2"})
    person.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(sub.top), "sub")
    person.git("checkout", "-q", first, cwd=person.top / "sub")
    person.git("add", "sub")
    person.git("commit", "-q", "-m", "sub")
    old = person.head()
    tree = person.git("mktree", stdin=person.git("ls-tree", "HEAD").replace(first, second) + "\n")
    new = person.git("commit-tree", tree, "-p", old, "-m", "bump")
    assert isinstance(person.landing().land("main", old, new), Landed)
    assert person.head("main") == new
    assert person.git("rev-parse", "HEAD", cwd=person.top / "sub") == first
    assert person.git("status", "--porcelain") == " M sub"


def test_publishing_pins_the_candidate_and_unpinning_drops_it(person: Person) -> None:
    engine = person.engine()
    old = person.head()
    head = person.make("main", CHANGES)
    onto = person.commit({"other": "x"})
    tried = engine.merge(onto, head, "merge it", (), "merge")
    landing = person.landing()
    assert person.objects().commit(onto)
    landing.publish(REF, tried.commit, onto)
    landing.publish(REF, tried.commit, onto)
    assert person.head(REF) == tried.commit
    person.git("fsck", "--strict")
    assert landing.land("main", onto, tried.commit) == Landed((str(person.top),))
    assert old != person.head("main") == tried.commit
    engine.withdraw([REF])
    engine.withdraw([REF])
    assert person.git("for-each-ref", "refs/swarm") == ""
    with pytest.raises(ValueError, match="refs/swarm"):
        engine.withdraw(["refs/heads/main"])
