"""A person's checkout: what git was told not to look at, filters that fail, locks of others, disks without links."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from person_repository import AT, Person, kill_landing
from without_links import LINK_CALLS, refuse_links

from swarmgit.adapters.git.behind import Note, Notes
from swarmgit.adapters.git.landing import GitLanding
from swarmgit.adapters.git.rendering import unrenderable
from swarmgit.adapters.git.run import Git, persons_environment
from swarmgit.model.ids import CommitId
from swarmgit.model.landings import InTheWay, Landed

LATER = AT + timedelta(days=36500)


def assert_no_locks(person: Person) -> None:
    left = [*person.common_dir.rglob("*.lock"), *person.common_dir.rglob("*index.swarmgit*")]
    assert [*left, *person.live.glob("landing.json")] == []


def marks(person: Person) -> str:
    return person.git("ls-files", "-v", "a.txt", "src/b.txt", "src/c.txt")


# --- files that git was told not to look at ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "edit"),
    [("--assume-unchanged", "changed"), ("--assume-unchanged", "deleted"), ("--skip-worktree", "changed")],
)
def test_an_edit_that_git_was_told_not_to_look_at_is_in_the_way(person: Person, mark: str, edit: str) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", "src/b.txt": "landed\n"})
    person.git("update-index", mark, "a.txt")
    if edit == "changed":
        person.write({"a.txt": "my local settings\n"})
    else:
        (person.top / "a.txt").unlink()
    before = marks(person)
    assert person.git("status", "--porcelain") == ""
    assert person.landing().land("main", old, new) == InTheWay(str(person.top), ("a.txt",))
    assert edit == "deleted" or (person.top / "a.txt").read_text() == "my local settings\n"
    assert (person.head("main"), marks(person)) == (old, before)
    assert_no_locks(person)


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_marked_file_without_an_edit_follows_and_stays_marked(person: Person, mark: str) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", "src/c.txt": None})
    person.git("update-index", mark, "a.txt", "src/b.txt", "src/c.txt")
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert (person.top / "a.txt").read_text() == "landed\n"
    tag = "h" if mark == "--assume-unchanged" else "S"
    assert marks(person) == f"{tag} a.txt\n{tag} src/b.txt"
    assert person.git("status", "--porcelain") == ""


def test_a_marked_edit_elsewhere_keeps_nobody_waiting(person: Person) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    person.git("update-index", "--assume-unchanged", "src/b.txt")
    person.write({"src/b.txt": "mine\n"})
    assert person.landing().land("main", old, new) == Landed((str(person.top),))
    assert (person.top / "src/b.txt").read_text() == "mine\n"
    assert marks(person).splitlines()[1] == "h src/b.txt"


@pytest.mark.slow
def test_a_marked_edit_is_seen_among_very_many_changes(person: Person) -> None:
    files = {f"many/{number}.txt": "many\n" for number in range(250)}
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", **files})
    person.git("update-index", "--assume-unchanged", "a.txt")
    person.write({"a.txt": "mine\n"})
    assert person.landing().land("main", old, new) == InTheWay(str(person.top), ("a.txt",))
    assert (person.top / "a.txt").read_text() == "mine\n"


def test_an_edit_of_a_marked_file_made_between_a_kill_and_the_healing_stays(person: Person) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", "src/b.txt": "landed\n"})
    person.git("update-index", "--assume-unchanged", "a.txt")
    kill_landing(person, "landing: moved", old, new)
    person.write({"a.txt": "mine\n"})
    person.landing().heal("main")
    assert (person.top / "a.txt").read_text() == "mine\n"
    assert (person.top / "src/b.txt").read_text() == "landed\n"
    assert_no_locks(person)


# --- filters and files that resist ------------------------------------------------------------------------------------


def break_filter(person: Person) -> None:
    person.git("config", "filter.vault.smudge", "cat")
    person.git("config", "filter.vault.clean", "cat")
    person.git("config", "filter.vault.required", "true")
    person.commit({".gitattributes": "a.txt filter=vault\nsrc/new.txt filter=vault\n"})
    person.git("config", "filter.vault.smudge", "false")


def test_a_filter_that_fails_keeps_only_its_files_behind_and_they_follow_once_it_works(person: Person) -> None:
    break_filter(person)
    old, new = (
        person.head(),
        person.make("main", {"a.txt": "landed\n", "src/new.txt": "new\n", "src/b.txt": "landed\n"}),
    )
    landing = person.landing()
    assert landing.land("main", old, new) == Landed(())
    assert person.head("main") == new
    assert (person.top / "a.txt").read_text() == "a\n"
    assert (person.top / "src/b.txt").read_text() == "landed\n"
    assert not (person.top / "src/new.txt").exists()
    assert_no_locks(person)
    (left,) = landing.behind()
    assert (left.checkout, left.paths, left.commit) == (str(person.top), ("a.txt", "src/new.txt"), new)
    assert "vault" in left.why

    # a landing elsewhere goes on meanwhile, and the person's git works
    newer = person.make("main", {"src/c.txt": "more\n"})
    assert landing.land("main", new, newer) == Landed((str(person.top),))
    person.write({"src/b.txt": "mine\n"})
    person.git("add", "src/b.txt")

    landing.catch_up(LATER)
    assert landing.behind()[0].tries == 1
    landing.catch_up(LATER)
    assert landing.behind()[0].tries == 1, "there is a back-off"

    person.git("config", "filter.vault.smudge", "cat")
    landing.heal("main")
    landing.catch_up(LATER)
    assert landing.behind() == ()
    assert (person.top / "a.txt").read_text() == "landed\n"
    assert (person.top / "src/new.txt").read_text() == "new\n"
    assert person.git("status", "--porcelain") == "M  src/b.txt"
    assert_no_locks(person)


def test_what_a_person_has_edited_while_it_was_behind_stays(person: Person) -> None:
    break_filter(person)
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    landing = person.landing()
    assert landing.land("main", old, new) == Landed(())
    person.write({"a.txt": "mine\n"})
    person.git("config", "filter.vault.smudge", "cat")
    landing.catch_up(LATER)
    assert landing.behind() == ()
    assert (person.top / "a.txt").read_text() == "mine\n"


def broken_off(person: Person, written: dict[str, str]) -> tuple[GitLanding, CommitId]:
    """Return a landing whose checkout is behind as a whole: the files are written, but not the index."""
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", "src/new.txt": "new\n"})
    kill_landing(person, "landing: moved", old, new)
    (person.common_dir / "index.lock").unlink()
    (person.live / "landing.json").unlink()
    person.write(written)
    head = "refs/heads/main"
    Notes(person.live).add(Note(str(person.common_dir), str(person.top), head, old, new, (), "broke off", AT, due=AT))
    return person.landing(), new


def test_what_was_written_before_it_broke_off_is_no_edit_and_nobody_waits_for_it(person: Person) -> None:
    landing, new = broken_off(person, {"a.txt": "landed\n", "src/new.txt": "new\n"})
    landing.catch_up(LATER)
    assert (landing.behind(), person.head("main")) == ((), new)
    assert person.git("status", "--porcelain") == ""
    assert_no_locks(person)


@pytest.mark.parametrize("mine", ["a.txt", "src/new.txt"])
def test_an_edit_beside_what_was_written_before_it_broke_off_is_waited_for(person: Person, mine: str) -> None:
    landing, _ = broken_off(person, {"a.txt": "landed\n", "src/new.txt": "new\n", mine: "mine\n"})
    landing.catch_up(LATER)
    assert landing.behind()[0].why == f"edits are in the way in {mine}"
    assert (person.top / mine).read_text() == "mine\n"
    assert_no_locks(person)


def test_the_index_that_the_git_of_a_killed_one_works_on_is_its_own(person: Person) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    left = [person.common_dir / f"index.swarmgit{end}" for end in ("", ".lock", "-1", "-1.lock")]

    def write(name: str) -> None:
        for each in left if name == "landing: moved" else ():
            each.write_text("of a git that is still at work\n")

    assert person.landing(write).land("main", old, new) == Landed((str(person.top),))
    assert person.git("status", "--porcelain") == ""
    assert_no_locks(person)


def test_the_git_of_a_killed_landing_that_is_still_at_work_is_ended_before_anything_is_healed(person: Person) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    kill_landing(person, "landing: moved", old, new)
    script = f"exec 9> '{person.common_dir}/index.swarmgit-1.lock'; echo begun; exec sleep 60"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as former:
        assert former.stdout is not None
        former.stdout.readline()
        person.landing().heal("main")
        assert former.wait(20) == -signal.SIGTERM
    assert person.git("status", "--porcelain") == ""
    assert_no_locks(person)


def test_a_landing_that_is_under_way_has_not_broken_off(person: Person) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    other = threading.Thread(target=lambda: landing.catch_up(LATER))

    def beside(name: str) -> None:
        if name == "landing: locked":
            other.start()
            other.join(0.3)
            assert (person.common_dir / "index.lock").exists()

    landing = person.landing(beside)
    assert landing.land("main", old, new) == Landed((str(person.top),))
    other.join(20)
    assert person.git("status", "--porcelain") == ""
    assert_no_locks(person)


def test_a_checkout_that_went_elsewhere_is_not_written_to(person: Person) -> None:
    break_filter(person)
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    landing = person.landing()
    landing.land("main", old, new)
    person.git("symbolic-ref", "HEAD", "refs/heads/other")
    person.git("config", "filter.vault.smudge", "cat")
    landing.catch_up(LATER)
    assert (landing.behind(), (person.top / "a.txt").read_text()) == ((), "a\n")


def test_a_filter_that_fails_during_the_healing_stops_nothing(person: Person) -> None:
    break_filter(person)
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", "src/b.txt": "landed\n"})
    kill_landing(person, "landing: moved", old, new)
    landing = person.landing()
    landing.heal("main")
    assert ((person.top / "a.txt").read_text(), (person.top / "src/b.txt").read_text()) == ("a\n", "landed\n")
    assert landing.behind()[0].paths == ("a.txt",)
    assert_no_locks(person)


# --- locks of others --------------------------------------------------------------------------------------------------


def test_a_lock_that_a_dead_git_left_is_told_with_its_age_and_stays(person: Person) -> None:
    lock = person.common_dir / "index.lock"
    lock.touch()
    os.utime(lock, (1_700_000_000, 1_700_000_000))
    landing = person.landing()
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    assert landing.land("main", old, new) == InTheWay(str(person.top), ("index.lock",))
    (found,) = landing.locks("main")
    assert (found.path, found.since.year, found.is_used) == (str(lock), 2023, False)
    landing.heal("main")
    assert lock.exists()
    with lock.open("rb"):
        assert landing.locks("main")[0].is_used


# --- disks without hard links -----------------------------------------------------------------------------------------


@pytest.mark.default_cases("landing: moved")
@pytest.mark.skipif(not LINK_CALLS, reason="the numbers of the calls are not known here")
@pytest.mark.parametrize("step", ["landing: looked", "landing: moved", ""])
def test_a_landing_needs_no_hard_links_and_heals_without_them(person: Person, step: str) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n", "src/new.txt": "new\n", "src/c.txt": None})
    person.write({"src/b.txt": "mine\n"})
    script = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from person_repository import Person
person = Person(Path({str(person.top)!r}), Path({str(person.home)!r}))
try:
    os.link({str(person.top / "a.txt")!r}, {str(person.home / "second")!r})
except PermissionError:
    pass
else:
    sys.exit("there are links")
def kill(name):
    if name == {step!r}:
        os.kill(os.getpid(), 9)
person.landing(kill).heal("main")
print(type(person.landing(kill).land("main", {old!r}, {new!r})).__name__)
"""
    first = subprocess.run(
        [sys.executable, "-c", script], preexec_fn=refuse_links, capture_output=True, text=True, check=False
    )
    again = script.replace(repr(step), "'no step'")
    second = subprocess.run(
        [sys.executable, "-c", again], preexec_fn=refuse_links, capture_output=True, text=True, check=False
    )
    assert first.returncode == (-9 if step else 0), first.stderr
    assert second.stdout == "Landed\n", second.stderr
    assert person.head("main") == new
    assert person.git("status", "--porcelain") == " M src/b.txt"
    assert_no_locks(person)


@pytest.mark.skipif(not LINK_CALLS, reason="the numbers of the calls are not known here")
def test_a_claim_without_hard_links_that_was_not_signed_yet_is_given_up(person: Person) -> None:
    old, new = person.head(), person.make("main", {"a.txt": "landed\n"})
    kill_landing(person, "landing: recorded", old, new)
    (person.common_dir / "index.lock").touch()
    landing = person.landing()
    landing.heal("main")
    assert isinstance(landing.land("main", old, new), Landed)
    assert_no_locks(person)


def test_a_filter_that_hangs_is_a_file_that_cannot_be_written_and_ends(person: Person) -> None:
    person.git("config", "filter.slow.smudge", "sleep 60")
    person.git("config", "filter.slow.clean", "cat")
    person.commit({".gitattributes": "*.slow filter=slow\n"})
    commit = person.make(person.git("rev-parse", "HEAD"), {"a.slow": "a\n", "b.slow": "b\n", "c.txt": "c\n"})
    tree = person.engine().objects.walk(person.engine().objects.tree_of(commit))
    changes = {path: (None, tree[path]) for path in ("a.slow", "b.slow", "c.txt")}
    theirs = Git(person.top / ".git", env={"GIT_WORK_TREE": str(person.top)}, base=persons_environment(os.environ))

    begun = time.monotonic()
    failing = unrenderable(theirs, person.top, CommitId(commit), changes, 0.3)

    assert set(failing) == {"a.slow", "b.slow"}
    assert "does not end within 0.3 s" in failing["a.slow"]
    assert time.monotonic() - begun < 30
