"""The state branch: compare-and-swap, its cost, and the checkout that shows it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from person_repository import AT, Killed, Person, make_person

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.state import GitStateStore
from swarmgit.errors import TryLater
from swarmgit.model.ids import CommitId


def test_the_first_write_makes_an_orphan_branch(person: Person) -> None:
    commit = person.state().write({"tasks/a.yaml": b"one\n"}, "first", AT)
    assert person.git("log", "--format=%H %an %ae %cn %ct %s", "swarm/state") == (
        f"{commit} swarmgit swarmgit@localhost swarmgit {int(AT.timestamp())} first"
    )
    assert person.git("show", "swarm/state:tasks/a.yaml") == "one"


class Early(GitObjects):
    """Sees no state branch the first time; right after that somebody makes it."""

    person: Person

    def ref(self, name: str) -> CommitId | None:
        if name == "refs/heads/swarm/state" and super().ref(name) is None:
            self.person.state().write({"tasks/a.yaml": b"one\n"}, "first", AT)
            return None
        return super().ref(name)


def test_the_first_commit_that_comes_while_somebody_looks_is_no_lost_state(person: Person) -> None:
    objects = Early(person.objects().git)
    objects.person = person
    try:
        assert GitStateStore(objects, "swarm/state").head() == person.git("rev-parse", "swarm/state")
    finally:
        objects.close()


def test_writing_what_is_there_already_makes_no_commit(person: Person) -> None:
    state = person.state()
    head = state.write({"tasks/a.yaml": b"one\n"}, "first", AT)
    assert state.write({"tasks/a.yaml": b"one\n", "gone.yaml": None}, "again", AT) is None
    assert state.head() == head


def test_an_empty_folder_leaves_with_its_last_file(person: Person) -> None:
    state = person.state()
    state.write({"deep/er/a.yaml": b"one\n", "b.yaml": b"two\n"}, "first", AT)
    state.write({"deep/er/a.yaml": None}, "second", AT)
    assert person.git("ls-tree", "-r", "-t", "--name-only", "swarm/state") == "b.yaml"


def test_files_and_folders_may_take_each_others_place(person: Person) -> None:
    state = person.state()
    state.write({"x": b"file\n"}, "first", AT)
    state.write({"x": None, "x/y": b"below\n"}, "second", AT)
    assert person.git("ls-tree", "-r", "--name-only", "swarm/state") == "x/y"
    state.write({"x/y": None, "x": b"file\n"}, "third", AT)
    assert person.git("ls-tree", "-r", "--name-only", "swarm/state") == "x"
    person.git("fsck", "--strict")


def test_trees_are_the_ones_that_git_would_write(person: Person) -> None:
    names = ["a", "a.b", "a/b", "a0", "ä", "z" * 200]
    files = {f"dir-{name.replace('/', '-')}/{name}x": name.encode() for name in names}
    files |= {f"f{number:03}": b"%d" % number for number in range(300)} | {"foo/x": b"", "foo.bar": b"", "foo-": b""}
    person.state().write(files, "many", AT)
    person.git("fsck", "--strict", "--no-dangling")
    listed = person.git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "swarm/state").split("\n")
    assert listed == sorted(files, key=lambda name: name.encode())


def test_a_concurrent_writer_costs_a_retry_and_loses_nothing(person: Person) -> None:
    other = person.state()
    meanwhile = iter(range(3))

    def fault(step: str) -> None:
        if step == "state: objects written" and (number := next(meanwhile, None)) is not None:
            other.write({f"other/{number}": b"theirs\n"}, "theirs", AT)

    assert person.state(fault=fault).write({"mine": b"mine\n"}, "mine", AT)
    assert person.git("ls-tree", "-r", "--name-only", "swarm/state").split() == [
        "mine",
        "other/0",
        "other/1",
        "other/2",
    ]


def test_a_writer_that_always_loses_gives_up_for_now(person: Person) -> None:
    other = person.state()
    numbers = iter(range(1000))

    def fault(step: str) -> None:
        if step == "state: objects written":
            other.write({"n": b"%d" % next(numbers)}, "theirs", AT)

    with pytest.raises(TryLater, match="20 tries"):
        person.state(fault=fault).write({"mine": b"mine\n"}, "mine", AT)
    assert next(numbers) == 20


def test_a_kill_before_the_ref_moves_leaves_the_branch_as_it_was(person: Person) -> None:
    before = person.state().write({"a": b"1"}, "first", AT)

    def kill(step: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        person.state(fault=kill).write({"a": b"2"}, "second", AT)
    assert person.head("swarm/state") == before


def test_a_fresh_clone_goes_on_from_the_remote_branch(person: Person, tmp_path: Path) -> None:
    person.state().write({"a": b"1"}, "first", AT)
    folder = tmp_path / "other"
    folder.mkdir()
    clone = make_person(folder)
    clone.git("fetch", "-q", str(person.top), "swarm/state:refs/remotes/origin/swarm/state")
    state = clone.state()
    assert state.head() == person.head("swarm/state")
    state.write({"b": b"2"}, "second", AT)
    assert clone.git("log", "--format=%s", "swarm/state").split() == ["second", "first"]
    clone.close()


@pytest.mark.slow
def test_a_lock_that_a_killed_git_left_is_removed_by_the_leader_only(person: Person) -> None:
    person.state().write({"a": b"1"}, "first", AT)
    lock = person.common_dir / "refs/heads/swarm/state.lock"
    lock.write_text("")
    with pytest.raises(TryLater):
        person.state().write({"a": b"2"}, "second", AT)
    old = lock.stat().st_mtime - 10
    os.utime(lock, (old, old))
    with pytest.raises(TryLater):
        person.state().write({"a": b"2"}, "second", AT)
    assert person.state(is_leader=lambda: True).write({"a": b"2"}, "second", AT)


@pytest.mark.slow
def test_a_lock_that_a_living_process_has_open_stays(person: Person) -> None:
    person.state().write({"a": b"1"}, "first", AT)
    lock = person.common_dir / "refs/heads/swarm/state.lock"
    lock.write_text("")
    old = lock.stat().st_mtime - 10
    os.utime(lock, (old, old))
    with lock.open(), pytest.raises(TryLater):
        person.state(is_leader=lambda: True).write({"a": b"2"}, "second", AT)
    assert lock.exists()


@pytest.mark.parametrize("path", ["", "a//b", "../a", "a/.git/b", "/a", "a/"])
def test_a_path_that_no_tree_can_have_is_a_bug(person: Person, path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        person.state().write({path: b""}, "bad", AT)


def test_the_cost_of_a_state_commit_is_printed(person: Person, capsys) -> None:
    state = person.state()
    state.write({f"tasks/t{number}.yaml": b"%d" % number for number in range(250)}, "many", AT)
    rounds = 100
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(rounds):
        state.write({f"tasks/t{number}.yaml": b"new %d" % number, f"queue/2025-01/e{number}": b"x"}, "one", AT)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    with capsys.disabled():
        print(f"\nstate commit, 250 files a folder: {cpu / rounds * 1e3:.2f} ms CPU, {wall / rounds * 1e3:.2f} ms wall")


def checkout_of(person: Person) -> Path:
    return person.top / ".swarm/state"


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".git"
    }


def ignore_machine_files(person: Person) -> None:
    person.commit({".swarm/.gitignore": "state/\nrun\n"})


def test_the_checkout_shows_the_branch_and_git_sees_no_difference_in_it(person: Person) -> None:
    ignore_machine_files(person)
    state = person.state()
    for number in range(3):
        state.write({"a/b": b"%d\n" % number, f"n{number}": b"x"}, "write", AT)
        state.sync_checkout()
    assert files_in(checkout_of(person)) == {"a/b": b"2\n", "n0": b"x", "n1": b"x", "n2": b"x"}
    assert person.git("status", "--porcelain", cwd=checkout_of(person)) == ""
    assert person.git("log", "--format=%s", cwd=checkout_of(person)).split() == ["write"] * 3
    assert person.git("status", "--porcelain") == ""


def test_a_checkout_in_the_background_catches_up(person: Person) -> None:
    state = person.state()
    for number in range(5):
        state.write({"a": b"%d" % number}, "write", AT)
        state.sync_checkout(wait=False)
    state.sync_checkout()
    assert files_in(checkout_of(person)) == {"a": b"4"}


def remove_all(person: Person) -> None:
    shutil.rmtree(checkout_of(person))


def remove_files(person: Person) -> None:
    (checkout_of(person) / "a").unlink()
    shutil.rmtree(checkout_of(person) / "deep")


def remove_deep_file(person: Person) -> None:
    (checkout_of(person) / "deep/b").unlink()


def remove_pointer(person: Person) -> None:
    (checkout_of(person) / ".git").unlink()


def clean(person: Person) -> None:
    person.git("clean", "-ffdxq")


def clean_once(person: Person) -> None:
    person.git("clean", "-fdxq")


def prune(person: Person) -> None:
    shutil.rmtree(checkout_of(person))
    person.git("worktree", "prune")


def prune_without_pointer(person: Person) -> None:
    (checkout_of(person) / ".git").unlink()
    person.git("worktree", "prune")


def remove_through_git(person: Person) -> None:
    person.git("worktree", "remove", "-f", str(checkout_of(person)))


def drop_index(person: Person) -> None:
    next((person.common_dir / "worktrees").glob("*/index")).unlink()


def edit(person: Person) -> None:
    (checkout_of(person) / "a").write_text("scribble")


def leave_lock(person: Person) -> None:
    lock = next((person.common_dir / "worktrees").glob("*/index")).with_name("index.lock")
    lock.touch()
    os.utime(lock, (1, 1))


DAMAGES = [
    remove_all, remove_files, remove_deep_file, remove_pointer, clean, clean_once, prune, prune_without_pointer,
    remove_through_git, drop_index, edit, leave_lock,
]  # fmt: skip


@pytest.mark.default_cases("False-*")
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("moved", [False, True])
def test_a_damaged_checkout_is_made_again(person: Person, damage, moved: bool) -> None:
    ignore_machine_files(person)
    first = person.state()
    first.write({"a": b"1", "deep/b": b"2"}, "write", AT)
    first.sync_checkout()
    damage(person)
    state = person.state()
    if moved:
        state.write({"a": b"3"}, "write", AT)
    state.sync_checkout()
    assert files_in(checkout_of(person)) == {"a": b"3" if moved else b"1", "deep/b": b"2"}
    assert person.git("status", "--porcelain", cwd=checkout_of(person)) == ""
    assert person.git("status", "--porcelain") == ""


def test_settings_of_the_person_do_not_change_the_bytes_of_state(person: Person) -> None:
    person.git("config", "core.autocrlf", "true")
    person.git("config", "filter.evil.smudge", "tr a-z A-Z")
    (person.common_dir / "info/attributes").write_text("* filter=evil text\n")
    state = person.state()
    state.write({"a": b"line\n"}, "write", AT)
    state.sync_checkout()
    assert files_in(checkout_of(person)) == {"a": b"line\n"}


def test_a_person_who_has_the_state_branch_checked_out_breaks_nothing(person: Person, tmp_path: Path) -> None:
    state = person.state()
    state.write({"a": b"1"}, "write", AT)
    person.git("worktree", "add", "-q", str(tmp_path / "theirs"), "swarm/state")
    state.sync_checkout()
    state.write({"a": b"2"}, "write", AT)
    state.sync_checkout()
    assert files_in(checkout_of(person)) == {"a": b"2"}
    assert files_in(tmp_path / "theirs") == {"a": b"1"}


def test_a_branch_without_swarm_files_shows_neither_checkout_nor_link(person: Person) -> None:
    ignore_machine_files(person)
    person.git("branch", "old")
    state = person.state()
    state.write({"a": b"1"}, "write", AT)
    state.sync_checkout()
    state.link_run()
    person.git("checkout", "-q", "--orphan", "bare")
    person.git("rm", "-rfq", ".")
    assert person.git("status", "--porcelain") == ""
    person.git("checkout", "-q", "main")
    assert (checkout_of(person) / "a").exists()


def test_the_run_link_leads_to_the_live_folder_and_is_made_again(person: Person) -> None:
    state = person.state()
    link = person.top / ".swarm/run"
    state.link_run()
    assert link.resolve() == person.live.resolve()
    link.unlink()
    link.symlink_to("/elsewhere")
    state.link_run()
    assert link.resolve() == person.live.resolve()
    link.unlink()
    link.write_text("a person's own file")
    state.link_run()
    assert link.read_text() == "a person's own file"


def test_without_a_swarm_folder_nothing_is_made(person: Person) -> None:
    shutil.rmtree(person.top / ".swarm")
    state = person.state()
    state.write({"a": b"1"}, "write", AT)
    state.sync_checkout()
    state.link_run()
    assert not (person.top / ".swarm").exists()


@pytest.mark.parametrize("init", [("--bare",), ("--object-format=sha256",)])
def test_bare_and_sha256_repositories_have_state_too(tmp_path: Path, init: tuple[str, ...]) -> None:
    person = make_person(tmp_path, *init)
    (person.top / ".swarm").mkdir()
    state = person.state()
    state.write({"a/b": b"1"}, "write", AT)
    state.write({"a/c": b"1"}, "write", AT)
    state.sync_checkout()
    state.link_run()
    assert person.git("ls-tree", "-r", "--name-only", "swarm/state").split() == ["a/b", "a/c"]
    person.git("fsck", "--strict")
    person.close()
