"""P4 and P5 where a person's git works on the same repository: locks, collection, rewritten branches, lost state."""

from __future__ import annotations

import subprocess

import pytest

from swarmgit.app.fsck import check
from swarmgit.app.run import TickReport
from swarmgit.model.actions import Land
from tests.conftest import Repo


def three(repo: Repo) -> Repo:
    repo.start({"shared.txt": "one\n"})
    repo.task("a", 'echo a > a.txt; sed -i "s/$/ a/" shared.txt; sleep 0.3', shares=["shared.txt"])
    repo.task("b", 'echo b > b.txt; sed -i "s/$/ b/" shared.txt; sleep 0.3', shares=["shared.txt"])
    repo.task("c", "cat a.txt b.txt > c.txt", depends_on=["a", "b"])
    repo.commit()
    return repo


def assert_landed_once(repo: Repo) -> None:
    assert sorted(repo.landed()) == ["a", "b", "c"]
    assert repo.show("c.txt") == "a\nb"
    assert repo.git("status", "--porcelain") == ""
    world = repo.world()
    assert check(world).violations == ()
    world.close()


@pytest.mark.slow
def test_collecting_garbage_all_the_time_loses_nothing(repo: Repo) -> None:
    three(repo)

    def collect(_: TickReport) -> None:
        repo.git("gc", "-q", "--prune=now")

    assert repo.reconcile(on_tick=collect).code == 0
    assert_landed_once(repo)
    for status in map(repo.status, "abc"):
        for attempt in status.attempts:
            assert attempt.salvage is None or repo.git("cat-file", "-t", attempt.salvage) == "commit"


@pytest.mark.slow
def test_refs_that_are_packed_in_the_middle_are_found(repo: Repo) -> None:
    three(repo)
    result = repo.reconcile(on_tick=lambda _: repo.git("pack-refs", "--all", "--prune"))
    assert result.code == 0
    assert_landed_once(repo)


@pytest.mark.default_cases("index.lock")
@pytest.mark.parametrize("lock", ["index.lock", "refs/heads/main.lock", "HEAD.lock"])
def test_a_lock_of_somebody_else_is_waited_for_and_never_removed(repo: Repo, lock: str) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    path = repo.root / ".git" / lock
    path.touch()

    tried: list[Land] = []
    for timeout_s in (3, 6, 12, 24):  # until there was time enough to try the landing
        result = repo.reconcile(
            timeout_s=timeout_s,
            on_tick=lambda report: tried.extend(each for each in report.actions if isinstance(each, Land)),
        )
        if tried:
            break

    assert tried
    assert path.exists()
    if lock == "HEAD.lock" and result.code == 0:
        return  # moving the target does not need it here
    assert result.code in {1, 4}
    told = result.reason + repo.status("it").reason
    assert lock in told
    assert "made at" in told or lock == "index.lock"
    assert "Another git process" not in told
    assert "hint:" not in told
    path.unlink()
    assert repo.reconcile().code == 0
    assert repo.landed() == ["it"]


@pytest.mark.slow
def test_a_target_that_is_amended_before_a_landing_is_followed(repo: Repo) -> None:
    three(repo)

    def amend(report: TickReport) -> None:
        if not repo.landed() and report.number < 12:
            repo.git("commit", "-q", "--amend", "-m", f"amended {report.number}")

    assert repo.reconcile(on_tick=amend).code == 0
    assert_landed_once(repo)


@pytest.mark.slow
def test_a_state_branch_that_is_deleted_in_the_middle_lets_nothing_land_twice(repo: Repo) -> None:
    three(repo)
    deleted: list[int] = []

    def delete(report: TickReport) -> None:
        if repo.landed() and not deleted:
            deleted.append(report.number)
            repo.git("update-ref", "-d", "refs/heads/swarm/state")

    repo.reconcile(on_tick=delete)
    repo.reconcile()

    assert deleted
    assert sorted(repo.landed()) == ["a", "b", "c"]


@pytest.mark.slow
def test_looking_and_braking_from_other_processes_disturbs_nothing(repo: Repo) -> None:
    three(repo)
    others: list[subprocess.Popen[str]] = []

    def look(report: TickReport) -> None:
        if report.number in {1, 3, 5}:
            import sys

            for words in (["status", "--json"], ["task", "pause", "c"], ["task", "resume", "c"], ["queue"]):
                others.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "swarmgit", *words],
                        cwd=repo.root,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                    )
                )

    repo.reconcile(on_tick=look)
    for other in others:
        out, _ = other.communicate(timeout=30)
        assert other.returncode == 0, out
    repo.swarmgit("task", "resume", "c", check=False)
    assert repo.reconcile().code == 0
    assert_landed_once(repo)
