"""P4 and P8 where somebody takes away what swarmgit stands on: it says so or makes it again; each task lands once."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from swarmgit.app.fsck import check
from swarmgit.app.run import TickReport
from tests.conftest import Repo


def two(root: Path) -> Repo:
    repo = Repo(root)
    repo.start()
    repo.task("a", "sleep 0.4; echo a > a.txt")
    repo.task("b", "cat a.txt > b.txt", depends_on=["a"])
    repo.commit()
    return repo


def live(repo: Repo) -> Path:
    return repo.root / ".git" / "swarmgit"


def store(repo: Repo) -> Path:
    return Path(os.environ["XDG_STATE_HOME"]) / "swarmgit"


def assert_both_landed(repo: Repo) -> None:
    """Both tasks have landed, once each, with what they made; the ledger says the same, and fsck agrees."""
    assert repo.landed() == ["a", "b"]
    assert repo.phases() == {"a": "landed", "b": "landed"}
    assert (repo.show("a.txt"), repo.show("b.txt")) == ("a", "a")
    landed = {entry.task: entry.landed_commit for entry in repo.entries() if entry.state == "landed"}
    assert landed == {name: repo.status(name).landed_commit for name in "ab"}
    world = repo.world()
    assert check(world).violations == ()
    world.close()


def delete(folder: Path) -> None:
    """Delete a folder in which sessions may be writing at this moment."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{folder} cannot be deleted")


@pytest.mark.default_cases("4-both")
@pytest.mark.parametrize("what", ["live", "store", "both"])
@pytest.mark.parametrize("tick", [1, 4])
def test_folders_that_are_deleted_between_two_runs_are_made_again(tmp_path: Path, what: str, tick: int) -> None:
    repo = two(tmp_path)
    for _ in range(tick):
        repo.reconcile(mode="once")
    for folder in {"live": [live(repo)], "store": [store(repo)], "both": [live(repo), store(repo)]}[what]:
        delete(folder)

    result = repo.reconcile()

    assert result.code == 0, result.reason
    assert repo.landed() == ["a", "b"]


def test_an_engine_that_is_deleted_between_two_runs_is_made_again(tmp_path: Path) -> None:
    repo = two(tmp_path)
    for _ in range(3):
        repo.reconcile(mode="once")
    shutil.rmtree(live(repo) / "engine.git")

    result = repo.reconcile()

    assert result.code == 0, result.reason
    assert_both_landed(repo)


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("number", [2, 5, 8])
def test_worktrees_that_are_deleted_in_the_middle_cost_an_attempt_at_most(tmp_path: Path, number: int) -> None:
    repo = two(tmp_path)

    def delete(report: TickReport) -> None:
        if report.number == number:
            shutil.rmtree(store(repo), ignore_errors=True)

    result = repo.reconcile(on_tick=delete)

    assert result.code == 0, result.reason
    assert_both_landed(repo)
    assert all(len(repo.status(name).attempts) <= 2 for name in "ab"), "it costs an attempt at most"


def test_a_target_that_is_renamed_in_the_middle_stops_landings_and_says_so(tmp_path: Path) -> None:
    repo = two(tmp_path)

    def rename(report: TickReport) -> None:
        if report.number == 2:
            repo.git("branch", "-m", "main", "trunk")

    result = repo.reconcile(on_tick=rename, timeout_s=20)

    assert result.code != 0
    assert repo.git("log", "--format=%s", "trunk").count("Land ") == 0
    repo.git("branch", "-m", "trunk", "main")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a", "b"]


def test_a_target_that_loses_its_settings_keeps_the_last_good_ones_or_says_so(tmp_path: Path) -> None:
    repo = two(tmp_path)
    repo.reconcile(mode="once")
    repo.git("rm", "-rq", ".swarm")
    repo.git("commit", "-q", "-m", "no more swarm")

    try:
        result = repo.reconcile(timeout_s=20)
    except Exception as error:  # noqa: BLE001  any error must be one that says what to do
        assert getattr(error, "exit_code", 3) == 1  # noqa: PT017
        return
    assert result.code in {0, 1, 4}


@pytest.mark.default_cases("quo*")
@pytest.mark.parametrize("name", ["with space", "ünïcode", "quo'te\"s", "dollar$HOME", "-dash", "semi;colon"])
def test_a_repository_lies_at_a_path_of_any_name(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.mkdir()
    repo = Repo(place)
    repo.swarm["runtimes"] = {"script": {"adapter": "command", "run": "echo $SWARM_TASK > $SWARM_TASK.txt"}}
    repo.start()
    repo.task("it")
    repo.commit()

    assert repo.reconcile().code == 0

    assert repo.landed() == ["it"]
    assert repo.git("status", "--porcelain") == ""


def test_a_repository_of_sha256_works(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    shutil.rmtree(repo.root / ".git")
    repo.git("init", "-q", "--object-format=sha256")
    repo.start()
    repo.task("it")
    repo.commit()
    assert repo.reconcile().code == 0
    assert repo.landed() == ["it"]


def test_reconcile_runs_from_a_subfolder_and_from_a_linked_worktree(tmp_path: Path) -> None:
    repo = two(tmp_path)
    (repo.root / "sub").mkdir()
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    top = repo.root
    repo.root = top / "sub"
    repo.reconcile(mode="once")
    repo.root = tmp_path / "linked"
    assert repo.reconcile().code == 0
    repo.root = top
    assert repo.landed() == ["a", "b"]
    assert (top / "b.txt").read_text() == "a\n"
    assert repo.git("status", "--porcelain", cwd=tmp_path / "linked") == ""
