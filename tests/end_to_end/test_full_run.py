"""A gate whose `inputs` leave something out is found by running it on the whole target, and the queue stops."""

from __future__ import annotations

import json
import time

import pytest

from swarmgit.app.fsck import check
from tests.conftest import Repo


def lying(repo: Repo) -> Repo:
    """Return a repository whose gate depends on more than it says, and a change that it should have stopped."""
    repo.gates = [{"name": "test", "run": "test ! -e bad.txt", "inputs": ["src/**"]}]
    repo.swarm["merge"] = {"full_run_hours": 0.0002}
    repo.start({"README.md": "hello\n", "src/a.txt": "a\n"})
    repo.task("first")
    repo.task("bad", owns=["bad.txt"], depends_on=["first"])
    repo.commit(message="ask")
    return repo


@pytest.mark.slow
def test_inputs_that_lie_are_found_out_named_and_mended(repo: Repo) -> None:
    lying(repo)
    repo.reconcile()
    assert repo.landed() == ["first", "bad"], "its inputs were green"
    time.sleep(1)
    assert repo.reconcile().code == 4
    repo.task("next")
    repo.commit(message="ask for more, without mending anything")
    assert repo.reconcile().code == 4
    assert repo.landed() == ["first", "bad"]
    assert repo.phases()["next"] == "queued"
    status = json.loads(repo.swarmgit("status", "--json").stdout)
    assert "gate test is red on the whole" in status["problems"][0]["message"]
    assert "inputs miss something" in repo.swarmgit("queue").stdout
    assert "the inputs of gate test miss something" in repo.swarmgit("gates").stdout
    assert "inputs miss something" in repo.swarmgit("doctor", check=False).stdout
    (repo.root / "bad.txt").unlink()
    repo.gates[0]["inputs"] = ["src/**", "*.txt"]
    repo.configure()
    repo.commit(message="mend")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["first", "bad", "next"]
    assert json.loads(repo.swarmgit("status", "--json").stdout)["problems"] == []
    world = repo.world()
    assert check(world).violations == ()
    world.close()
