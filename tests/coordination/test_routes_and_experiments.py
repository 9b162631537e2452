"""Routing, records and experiments in a real run, by the command line."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.conftest import Repo


def asked(repo: Repo, *args: str) -> dict:
    return json.loads(repo.swarmgit(*args, "--json").stdout)


@pytest.mark.slow
@pytest.mark.usefixtures("published")
def test_a_run_leaves_records_that_route_the_next_task_and_figures_of_each_arm(repo: Repo) -> None:
    arms = [{"name": "plain"}, {"name": "poet", "role": "poet"}]
    trial = {"version": 1, "title": "Does rhyme help?", "arms": arms}
    repo.swarm["explore_share"] = 0
    repo.start(
        {
            "README.md": "hello\n",
            ".swarm/roles/poet.md": "Rhyme.\n",
            ".swarm/experiments/rhyme.yaml": yaml.safe_dump(trial),
        }
    )
    for name in ("one", "two"):
        repo.task(name, f"mkdir -p src; echo {name} > src/{name}.txt", owns=[f"src/{name}.txt"])
    repo.commit()
    repo.reconcile()
    repo.task("three", owns=["src/three.txt"], suspend=True)
    repo.commit()
    routed = asked(repo, "route", "three")
    assert (routed["kind"], routed["agent"], routed["exploring"]) == ("implement/src", "builder-01", False)
    best = routed["candidates"][0]
    assert (best["agent"], best["won"] >= 1, best["tried"]) == ("builder-01", True, best["won"])
    assert "AGENT" in repo.swarmgit("route", "three").stdout
    over = repo.swarmgit("route", "one", check=False)
    assert (over.returncode, "task one is landed: nobody gets it" in over.stderr) == (1, True)
    who = asked(repo, "agents", "show", "builder-01")
    assert (who["strengths"], who["rework_rate"]) == (["src"], 0.0)
    assert who["by_kind"]["implement/src"]["completed"] == who["tasks_completed"]
    assert "best at src" in repo.swarmgit("agents", "show", "builder-01").stdout
    (listed,) = asked(repo, "experiment", "list")["experiments"]
    assert (listed["id"], listed["ended"], listed["told"]) == ("rhyme", 2, [])
    shown = asked(repo, "experiment", "show", "rhyme")
    assert sum(arm["ended"] for arm in shown["arms"]) == 2
    assert "cannot tell yet" in repo.swarmgit("experiment", "show", "rhyme").stdout
    assert repo.status("one").attempts[-1].experiment in {"rhyme/plain", "rhyme/poet"}
