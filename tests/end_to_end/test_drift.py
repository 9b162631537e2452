"""The target is moved by its owner after a landing: dropped, reworded, rebased, reverted. Each is shown as what it is."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Repo


def row(repo: Repo, task: str = "one") -> dict:
    document = json.loads(repo.swarmgit("status", "--json").stdout)
    return next(each for each in document["tasks"] if each["id"] == task)


def next_commands(repo: Repo, task: str = "one") -> list[str]:
    return json.loads(repo.swarmgit("why", task, "--json").stdout)["commands"]


def test_a_landing_that_was_dropped_is_shown_and_not_made_again(settled: Repo) -> None:
    landed = settled.git("rev-parse", "main")
    settled.git("reset", "-q", "--hard", "HEAD~1")

    assert settled.reconcile().code == 0

    assert settled.landed() == []
    assert row(settled)["phase"] == "landed"
    assert row(settled)["reason"] == f"landed as {landed[:10]}, but the target no longer has it"
    assert next_commands(settled)[:2] == [
        "swarmgit task reopen one",
        f"swarmgit fsck --acknowledge {landed} --reason TEXT",
    ]


def test_a_dropped_landing_is_answered_by_reopening_its_task(settled: Repo) -> None:
    settled.git("reset", "-q", "--hard", "HEAD~1")
    settled.swarmgit("task", "reopen", "one")

    assert settled.reconcile().code == 0

    assert settled.landed() == ["one"]
    assert settled.show("one.txt") == "one"
    assert settled.status("one").run == 2


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_a_dropped_landing_is_answered_by_acknowledging_it(settled: Repo) -> None:
    landed = settled.git("rev-parse", "main")
    settled.git("reset", "-q", "--hard", "HEAD~1")
    assert settled.swarmgit("fsck", check=False).returncode == 1
    assert settled.swarmgit("fsck", "--acknowledge", landed[:10], check=False).returncode == 2, "a reason is needed"
    assert settled.swarmgit("fsck", "--acknowledge", "0000000", "--reason", "x", check=False).returncode == 1

    done = settled.swarmgit("fsck", "--acknowledge", landed[:10], "--reason", "it was a mistake", "--json")

    report = json.loads(done.stdout)
    assert (report["ok"], report["violations"]) == (True, [])
    assert {(each["commit"], each["reason"]) for each in report["acknowledged"]} == {(landed, "it was a mistake")}
    assert f"control/acknowledged/{landed}.yaml" in settled.git("ls-tree", "-r", "--name-only", "swarm/state")
    assert settled.swarmgit("fsck").returncode == 0


def test_a_landing_whose_owner_reworded_it_is_still_a_landing(settled: Repo) -> None:
    old = settled.git("rev-parse", "main")
    message = settled.git("log", "-1", "--format=%B").replace("Land one", "Better words")
    settled.git("commit", "-q", "--amend", "-m", message)
    new = settled.git("rev-parse", "main")

    assert settled.reconcile().code == 0

    assert settled.git("rev-parse", "main") == new
    assert row(settled)["reason"] == f"landed as {old[:10]}, which the target has as {new[:10]} now"


def test_a_landing_that_was_rebased_without_its_trailers_is_known_by_its_change(settled: Repo) -> None:
    old = settled.git("rev-parse", "main")
    settled.git("reset", "-q", "--hard", "HEAD~1")
    settled.commit({"other.txt": "x\n"}, "something of mine")
    settled.git("cherry-pick", "-n", "-m", "1", old)
    settled.git("commit", "-q", "-m", "Mine now")
    new = settled.git("rev-parse", "main")

    assert settled.reconcile().code == 0

    assert settled.git("rev-parse", "main") == new
    assert row(settled)["reason"] == f"landed as {old[:10]}, which the target has as {new[:10]} now"


@pytest.mark.slow
def test_a_revert_makes_a_task_reverted_and_a_revert_of_that_makes_it_landed_again(settled: Repo) -> None:
    landed = settled.git("rev-parse", "main")
    settled.task("two", depends_on=["one"])
    settled.commit()
    settled.git("revert", "--no-edit", "-m", "1", landed)
    revert = settled.git("rev-parse", "main")

    settled.reconcile()

    assert settled.phases() == {"one": "reverted", "two": "waiting"}
    assert row(settled)["reason"] == f"landed as {landed[:10]}; {revert[:10]} takes all of it back"
    assert settled.git("rev-parse", "main") == revert, "it is not run again by itself"
    assert next_commands(settled)[0] == "swarmgit task reopen one"

    settled.git("revert", "--no-edit", revert)

    assert settled.reconcile().code == 0
    assert settled.phases() == {"one": "landed", "two": "landed"}
    assert settled.landed() == ["one", "two"]


@pytest.mark.slow
def test_a_reverted_task_that_a_person_reopens_lands_again(settled: Repo) -> None:
    settled.git("revert", "--no-edit", "-m", "1", "HEAD")
    settled.reconcile()
    settled.swarmgit("task", "reopen", "one")

    assert settled.reconcile().code == 0

    assert settled.phases() == {"one": "landed"}
    assert settled.show("one.txt") == "one"
    assert settled.swarmgit("fsck").returncode == 0


@pytest.mark.usefixtures("published")
def test_half_a_revert_is_a_commit_like_any_other(repo: Repo) -> None:
    repo.start()
    repo.task("one", "echo 1 > one.txt; echo 2 > more.txt", owns=["one.txt", "more.txt"])
    repo.commit()
    assert repo.reconcile().code == 0
    landed = repo.git("rev-parse", "main")
    repo.git("rm", "-q", "more.txt")
    repo.commit(message=f"Half\n\nThis reverts commit {landed}.")
    assert repo.reconcile().code == 0
    assert repo.phases() == {"one": "landed"}


def test_a_target_that_is_set_back_while_an_entry_waits_gets_it_on_what_is_there(repo: Repo) -> None:
    repo.start()
    repo.commit({"mine.txt": "x\n"})
    repo.task("one")
    repo.commit()
    done: list[str] = []

    def set_back(report) -> None:
        waits = [entry.state for entry in report.look.observed.entries.values()]
        if waits and not done:
            repo.git("commit", "-q", "--amend", "-m", "other words")
            done.append(repo.git("rev-parse", "main"))

    assert repo.reconcile(on_tick=set_back).code == 0

    assert repo.landed() == ["one"]
    assert repo.git("merge-base", "main", done[0]) == done[0]
    assert repo.swarmgit("fsck").returncode == 0
