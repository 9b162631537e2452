"""P4 in the merge queue: killed at the n-th step of landing, gate runs, resolution and eviction, the end is the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from crash_scenario import Fuse, Killed, assert_no_leftovers, assert_sound, crash_once, settled, steps, sweep

from tests.conftest import Repo

STEPS_MAX = 1601
SWEEP = 40
MERGE_BOTH = 'printf "one left right\\n" > shared.txt'
LANDED = ["culprit", "fine", "left", "lock-a", "lock-b", "right"]


def begin(repo: Repo) -> Repo:
    """Two tasks that a merger has to bring together, two that make one generated file, and one that is red in a batch
    until it is told so."""
    repo.agent("merger", MERGE_BOTH)
    repo.swarm["runtimes"]["merger"] = {"adapter": "command", "run": ["/bin/sh", str(repo.agents / "merger.sh")]}
    repo.swarm["tiers"]["merging"] = {"runtime": "merger"}
    repo.swarm["routing"] = {"merge": "merging"}
    repo.swarm["agents_max"] = 8
    repo.swarm["merge"] = {
        "flaky_retries": 0,
        "generated": [{"files": ["sum.lock"], "run": "cat parts/*.txt > sum.lock"}],
    }
    repo.gates = [{"name": "merged", "run": "! grep -qs alone culprit.txt", "when": ["merge"]}]
    repo.policy = {"sandbox": "off"}
    repo.start({"shared.txt": "one\n", "parts/base.txt": "base\n", "sum.lock": "base\n"})
    for name in ("left", "right"):
        script = f'echo {name} > {name}.txt; sed -i "s/$/ {name}/" shared.txt; sleep 0.2'
        repo.task(name, script, shares=["shared.txt"], acceptance=[{"run": f"grep -q {name} shared.txt"}])
    for name in ("lock-a", "lock-b"):
        script = f"echo {name} > parts/{name}.txt; cat parts/*.txt > sum.lock; sleep 0.2"
        repo.task(name, script, owns=[f"parts/{name}.txt"], shares=["sum.lock"])
    repo.task("fine", "echo fine > fine.txt; sleep 0.2")
    told = 'grep -q "kind" "$SWARM_FEEDBACK_FILE"'
    repo.task("culprit", f"if {told}; then echo together > culprit.txt; else echo alone > culprit.txt; fi; sleep 0.2")
    repo.commit(message="ask")
    return repo


def try_to_run(repo: Repo, at: int | None = None) -> Fuse:
    fuse = Fuse(at)
    try:
        result = repo.reconcile(fault=fuse)
    except Killed:
        return fuse
    assert result.code == 0, [(s.task, s.phase, s.reason) for s in map(repo.status, LANDED)]
    return fuse


def assert_same_end(repo: Repo) -> None:
    assert sorted(repo.landed()) == LANDED
    assert sorted(repo.show("shared.txt").split()) == ["left", "one", "right"]
    assert repo.show("sum.lock").split() == ["base", "lock-a", "lock-b"]
    assert sorted(repo.git("ls-tree", "-r", "--name-only", "main", "--", "parts").split()) == [
        "parts/base.txt", "parts/lock-a.txt", "parts/lock-b.txt",
    ]  # fmt: skip
    assert not repo.git("grep", "-l", "<<<<<<<", "main", check=False)
    landed = [entry for entry in repo.entries() if entry.state == "landed"]
    assert sorted(entry.task for entry in landed) == LANDED
    assert {entry.tier for entry in landed} <= {"clean", "auto", "ai", "reimagine"}
    assert_sound(repo)
    assert_no_leftovers(repo)
    before = settled(repo)
    assert before.active == ()
    assert repo.reconcile().code == 0
    assert settled(repo) == before


def go_on(repo: Repo) -> None:
    try_to_run(repo)
    assert_same_end(repo)


@pytest.mark.slow
def test_the_queue_ends_as_it_should_when_nobody_is_killed(repo: Repo) -> None:
    fuse = try_to_run(begin(repo))
    assert len(fuse.names) > 80
    assert_same_end(repo)
    tiers = [entry.tier for entry in repo.entries() if entry.state == "landed"]
    assert {"clean", "auto", "ai"} <= set(tiers)
    assert [a.outcome for a in repo.status("culprit").attempts].count("landed") == 1


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("part", range(2))
def test_killed_at_one_step_of_the_queue_it_reaches_the_same_end(tmp_path: Path, part: int) -> None:
    at = random.Random(part + 10).randint(part * 60 + 30, part * 60 + 90)
    crash_once(begin(Repo(tmp_path)), at, go_on)


@pytest.mark.crash
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(1, STEPS_MAX, SWEEP))
def test_killed_at_steps_all_along_the_queue_it_reaches_the_same_end(tmp_path: Path, first: int) -> None:
    is_over = sweep(tmp_path, steps(first, SWEEP, 37), begin, go_on)
    assert is_over or first + SWEEP < STEPS_MAX, "the scenario has more steps than are tried"
