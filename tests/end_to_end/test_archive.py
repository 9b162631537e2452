"""Finished things leave the hot folders, and stay finished."""

from __future__ import annotations

import pytest

from tests.conftest import Repo


@pytest.mark.slow
def test_finished_tasks_are_archived_and_never_run_again(repo: Repo) -> None:
    repo.swarm["retention_days"] = 0.000000001
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    repo.task("two", depends_on=["one"])
    repo.commit()

    repo.reconcile()
    repo.reconcile()

    assert repo.landed() == ["one", "two"]
    files = repo.git("ls-tree", "-r", "--name-only", "swarm/state").splitlines()
    assert [f.split("/")[-1] for f in files if f.startswith("archive/") and f.count("/") == 3] == [
        "one.yaml",
        "two.yaml",
    ]
    assert not [f for f in files if f.startswith(("tasks/", "merge-queue/"))]
    assert repo.swarmgit("fsck").returncode == 0
    head = repo.git("rev-parse", "swarm/state")
    repo.reconcile()
    assert repo.git("rev-parse", "swarm/state") == head


def test_a_cancelled_task_that_was_archived_starts_anew_when_it_is_put_back(repo: Repo) -> None:
    repo.swarm["retention_days"] = 0.000000001
    repo.start()
    repo.task("one", suspend=True)
    repo.commit()
    repo.reconcile()
    repo.git("rm", "-q", ".swarm/tasks/one.yaml")
    repo.commit()
    repo.reconcile()
    repo.reconcile()
    assert "tasks/one.yaml" not in repo.git("ls-tree", "-r", "--name-only", "swarm/state").splitlines()
    repo.task("one")
    repo.commit()

    repo.reconcile()

    assert repo.landed() == ["one"]


def test_a_cancelled_task_whose_file_is_there_stays_where_it_is_and_an_idle_swarm_commits_nothing(repo: Repo) -> None:
    repo.swarm["retention_days"] = 0.000000001
    repo.start()
    repo.task("one", "sleep 60")
    repo.commit()
    repo.swarmgit("freeze")
    repo.swarmgit("task", "cancel", "one")
    repo.swarmgit("thaw")
    repo.reconcile()
    head = repo.git("rev-parse", "swarm/state")

    repo.reconcile()

    assert repo.phases() == {"one": "cancelled"}
    assert repo.git("rev-parse", "swarm/state") == head
