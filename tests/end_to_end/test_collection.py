"""`gc` while work goes on: what finished long ago leaves the engine, and nothing that anybody needs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Repo

OLD_S = 7200.0


def engine(repo: Repo) -> Path:
    return repo.root / ".git" / "swarmgit" / "engine.git"


def pins(repo: Repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/", cwd=engine(repo)).splitlines()


def age(repo: Repo) -> None:
    """Make every loose object of the engine look two hours old."""
    at = time.time() - OLD_S
    for path in (engine(repo) / "objects").glob("??/*"):
        os.utime(path, (at, at))


def loose(repo: Repo) -> int:
    return sum(1 for _ in (engine(repo) / "objects").glob("??/*"))


def assert_whole(repo: Repo) -> None:
    """Nothing that a ref of the engine or of the person's reaches is missing, and every promise is kept."""
    for folder in (engine(repo), repo.root):
        done = subprocess.run(
            ["git", "fsck", "--connectivity-only", "--no-dangling"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "missing" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr
    told = repo.swarmgit("fsck", check=False)
    assert told.returncode == 0, told.stdout


def waiting(repo: Repo, name: str) -> None:
    """A task whose agent works until `go` is there."""
    repo.task(name, f"echo {name} > {name}.txt; while [ ! -e '{repo.agents}/go' ]; do sleep 0.1; done")


@pytest.mark.slow
def test_what_finished_long_ago_leaves_the_engine_and_work_that_goes_on_does_not_notice(repo: Repo) -> None:
    repo.swarm["retention_days"] = 0
    repo.start()
    for number in range(4):
        repo.task(f"old{number}")
    repo.task("bad", "echo half > bad.txt; exit 1")
    repo.commit()
    repo.reconcile(timeout_s=40)
    kept = repo.status("bad").attempts[-1].salvage
    waiting(repo, "new")
    repo.commit()
    repo.reconcile(timeout_s=1.5)
    before, many = pins(repo), loose(repo)
    assert len([ref for ref in before if "/captured/old" in ref]) == 4
    age(repo)

    dry = json.loads(repo.swarmgit("gc", "--dry-run", "--json").stdout)
    assert (dry["objects"], pins(repo)) == (None, before)
    done = json.loads(repo.swarmgit("gc", "--json").stdout)

    assert done["pins"] == dry["pins"]
    left = pins(repo)
    assert not [ref for ref in left if "/old" in ref]
    assert [ref for ref in left if "/captured/bad/" in ref], "of work that is not finished nothing is dropped"
    assert 0 < done["objects"] == many - loose(repo)
    assert kept is not None
    assert repo.git("show", f"{kept}:bad.txt") == "half"
    (repo.agents / "go").touch()
    repo.agent("bad", "echo whole > bad.txt")
    repo.swarmgit("task", "restart", "bad")
    assert repo.reconcile(timeout_s=40).code == 0
    assert sorted(repo.landed()) == ["bad", "new", "old0", "old1", "old2", "old3"]
    assert_whole(repo)


def test_within_retention_nothing_is_dropped(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    assert repo.reconcile().code == 0
    age(repo)
    before, many = pins(repo), loose(repo)
    done = json.loads(repo.swarmgit("gc", "--json").stdout)
    assert (done["pins"], pins(repo)) == ([], before)
    assert done["objects"] == many - loose(repo)
    assert_whole(repo)


def test_while_a_reconcile_leads_objects_stay(repo: Repo) -> None:
    repo.swarm["retention_days"] = 0
    repo.start()
    repo.task("one")
    repo.commit()
    assert repo.reconcile().code == 0
    age(repo)
    many = loose(repo)
    world = repo.world(lead=True)
    try:
        assert json.loads(repo.swarmgit("gc", "--json").stdout)["objects"] is None
    finally:
        world.close()
    assert loose(repo) == many


@pytest.mark.crash
def test_gc_that_is_killed_again_and_again_in_the_midst_of_work_loses_nothing(repo: Repo) -> None:
    """Once beside a reconciler, and once between two, with an entry that waits for a person."""
    repo.swarm |= {"retention_days": 0, "agents_max": 3}
    repo.start({"words.txt": "one\ntwo\nthree\n"})
    for number in range(6):
        repo.task(f"t{number}", f"sleep 0.{number}; sed -i 's/^two.*/two t{number}/' words.txt; echo x > t{number}.txt",
                  shares=["words.txt"])  # fmt: skip
    waiting(repo, "last")
    repo.commit()
    argv = [sys.executable, "-m", "swarmgit"]
    leader = subprocess.Popen([*argv, "reconcile", "--timeout", "6"], cwd=repo.root, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    pick = random.Random(7)
    try:
        for round_ in range(8):
            if round_ == 5:
                leader.wait(30)
            if (engine(repo) / "objects").exists():
                age(repo)
            collector = subprocess.Popen(
                [*argv, "gc"], cwd=repo.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(pick.uniform(0.1, 1.2))
            collector.kill()
            collector.wait(10)
    finally:
        leader.kill()
        leader.wait(10)
    (repo.agents / "go").touch()

    assert repo.reconcile(timeout_s=60).code in {0, 4}

    hot = repo.git("ls-tree", "--name-only", "swarm/state:tasks", check=False).splitlines()
    asleep = {name.removesuffix(".yaml") for name in hot} - {*repo.landed()}
    assert {f"t{number}" for number in range(6)} <= {*repo.landed(), *asleep}, "none is lost"
    assert "last" in repo.landed()
    assert_whole(repo)
