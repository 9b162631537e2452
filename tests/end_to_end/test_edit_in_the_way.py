"""A person's edit is in the way of one landing: it stays, the others land, and what waits lands once it is gone."""

from __future__ import annotations

import os
import subprocess

import pytest

from swarmgit.app.fsck import check
from tests.conftest import Repo


def begun(repo: Repo) -> Repo:
    repo.start({"README.md": "hello\n", "notes.txt": "one\n"})
    repo.task("blocked", "echo two >> notes.txt", owns=["notes.txt"])
    repo.task("other")
    repo.task("third")
    repo.commit(message="ask")
    (repo.root / "notes.txt").write_text("mine\n")
    return repo


def assert_sound(repo: Repo) -> None:
    world = repo.world()
    assert check(world).violations == ()
    world.close()


def test_others_land_while_one_waits_for_an_edit_and_then_it_lands_too(repo: Repo) -> None:
    begun(repo)
    assert repo.reconcile().code == 4
    assert sorted(repo.landed()) == ["other", "third"]
    assert (repo.root / "notes.txt").read_text() == "mine\n"
    assert (repo.root / "other.txt").read_text() == "other\n"
    assert repo.phases()["blocked"] == "queued"
    assert "notes.txt" in repo.status("blocked").reason
    assert "notes.txt" in repo.swarmgit("why", "blocked").stdout
    assert repo.reconcile().code == 4
    repo.git("checkout", "notes.txt")
    assert repo.reconcile().code == 0
    assert repo.show("notes.txt") == "one\ntwo"
    assert_sound(repo)


@pytest.mark.default_cases("undo0")
@pytest.mark.parametrize("undo", [["stash"], ["commit", "-qam", "mine"], ["reset", "-q", "--hard"]])
def test_however_the_edit_goes_the_work_is_taken_up_again(repo: Repo, undo: list[str]) -> None:
    begun(repo)
    repo.reconcile()
    repo.git(*undo)
    repo.reconcile()
    entries = [entry for entry in repo.entries() if entry.task == "blocked"]
    assert {entry.state for entry in entries} <= {"landed", "rejected"}
    assert_sound(repo)


@pytest.mark.slow
def test_an_edit_that_goes_while_we_watch_is_noticed(repo: Repo) -> None:
    begun(repo)
    gone: list[bool] = []

    def undo(report: object) -> None:
        if not gone and repo.landed()[-2:] and len(repo.landed()) == 2:
            repo.git("checkout", "notes.txt")
            gone.append(True)

    assert repo.reconcile(on_tick=undo).code == 0
    assert sorted(repo.landed()) == ["blocked", "other", "third"]


@pytest.mark.slow
def test_an_untracked_file_in_the_way_holds_only_who_brings_that_file(repo: Repo) -> None:
    repo.start()
    repo.task("new", "echo theirs > new.txt")
    repo.task("other")
    repo.commit(message="ask")
    (repo.root / "new.txt").write_text("mine\n")
    assert repo.reconcile().code == 4
    assert repo.landed() == ["other"]
    assert (repo.root / "new.txt").read_text() == "mine\n"
    (repo.root / "new.txt").unlink()
    assert repo.reconcile().code == 0
    assert (repo.root / "new.txt").read_text() == "theirs\n"


@pytest.mark.slow
def test_a_filter_of_the_persons_that_hangs_holds_its_own_landing_and_ends_with_us(repo: Repo) -> None:
    # given a file whose filter does not come to an end, and two tasks, one of them at that file
    repo.start({"odd.dat": "1\n"})
    repo.task("odd", "echo 2 > odd.dat", owns=["odd.dat"])
    repo.task("other", "sleep 0.5; echo 1 > other.txt")
    repo.commit(message="ask")
    repo.git("config", "filter.hangs.clean", "sleep 7654")
    (repo.root / ".git/info/attributes").write_text("*.dat filter=hangs\n")
    os.utime(repo.root / "odd.dat", (1, 1))

    # when it runs for a while
    done = repo.swarmgit("reconcile", "--timeout", "40", check=False)

    # then the other one has landed, the reason is said, and nothing is left at work
    assert repo.landed() == ["other"], done.stdout
    assert "git does not come to an end with odd.dat: a filter in its settings hangs" in done.stdout
    assert "sleep 7654" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

    # and it lands once the filter is mended
    repo.git("config", "filter.hangs.clean", "cat")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["other", "odd"]
    assert (repo.root / "odd.dat").read_text() == "2\n"
