"""A file of state that somebody has damaged holds its own task only, and every command says what helps."""

from __future__ import annotations

import pytest

from tests.conftest import Repo

MARK = "<<<<<<< theirs\n"


@pytest.fixture
def damaged(repo: Repo) -> Repo:
    repo.start()
    for name in ("good", "bad"):
        repo.task(name)
    repo.commit()
    repo.reconcile()
    path = repo.root / ".swarm/state/tasks/bad.yaml"
    path.write_text(path.read_text() + MARK)
    repo.git("-C", ".swarm/state", "commit", "-q", "-a", "-m", "a merge that went wrong")
    return repo


def test_a_task_whose_state_cannot_be_read_is_named_with_what_helps(damaged: Repo) -> None:
    told = damaged.swarmgit("why", "bad").stdout
    assert "cannot be read: tasks/bad.yaml:" in told
    assert "swarmgit state reset kept" in told
    assert "swarmgit reconcile" not in told

    refused = damaged.swarmgit("task", "restart", "bad", check=False)
    assert (refused.returncode, "swarmgit state reset kept" in refused.stderr) == (1, True)

    damaged.swarmgit("state", "reset", "kept")
    assert damaged.phases() == {"good": "landed", "bad": "landed"}


def test_a_task_without_a_file_is_not_restarted(repo: Repo) -> None:
    repo.start()
    repo.task("it", "exit 1", budget={"attempts": 1})
    repo.commit()
    repo.reconcile()
    repo.git("rm", "-q", ".swarm/tasks/it.yaml")
    repo.git("commit", "-q", "-m", "never mind")
    repo.reconcile()

    assert "task restart" not in repo.swarmgit("why", "it").stdout
    refused = repo.swarmgit("task", "restart", "it", check=False)
    assert (refused.returncode, "has no file on the target" in refused.stderr) == (1, True)


@pytest.mark.slow
def test_the_checkout_of_state_names_its_branch_again_after_a_rename(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.reconcile()
    repo.git("branch", "-m", "swarm/state", "my/state")

    repo.task("more")
    repo.commit(message="more")
    repo.reconcile()

    assert repo.git("-C", ".swarm/state", "symbolic-ref", "--short", "HEAD") == "swarm/state"
    assert repo.git("-C", ".swarm/state", "status", "--porcelain") == ""
