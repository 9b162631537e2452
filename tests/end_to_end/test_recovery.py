"""What survives when swarmgit's own files do not."""

from __future__ import annotations

import shutil

from tests.conftest import Repo


def test_a_lost_state_branch_is_begun_again_from_the_targets_trailers(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    landed = repo.git("rev-parse", "main")
    shutil.rmtree(repo.root / ".swarm" / "state")
    repo.git("worktree", "prune")
    repo.git("branch", "-D", "swarm/state")
    shutil.rmtree(repo.root / ".git" / "swarmgit")

    result = repo.reconcile()

    assert result.code == 0
    assert repo.git("rev-parse", "main") == landed
    assert repo.phases() == {"one": "landed"}


def test_a_deleted_state_checkout_and_run_link_come_back(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    repo.git("clean", "-ffdxq")
    assert not (repo.root / ".swarm" / "state").exists()

    repo.reconcile()

    assert (repo.root / ".swarm" / "state" / "tasks" / "one.yaml").is_file()
    assert (repo.root / ".swarm" / "run" / "sessions").is_dir()
    assert repo.git("-C", ".swarm/state", "status", "--porcelain") == ""
    assert repo.git("status", "--porcelain") == ""


def test_a_fresh_clone_goes_on_from_the_remotes_state_branch(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    clone = repo.root.parent / "clone"
    repo.git("clone", "-q", str(repo.root), str(clone))
    repo.root = clone
    repo.task("two")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert repo.landed() == ["one", "two"]
    assert repo.phases() == {"one": "landed", "two": "landed"}


def test_a_request_on_a_lost_state_branch_does_not_make_landed_work_run_again(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    repo.reconcile()
    shutil.rmtree(repo.root / ".swarm" / "state")
    repo.git("worktree", "prune")
    repo.git("branch", "-D", "swarm/state")
    repo.swarmgit("freeze")
    repo.swarmgit("thaw")

    repo.reconcile()

    assert repo.landed() == ["one"]
    assert repo.phases() == {"one": "landed"}
