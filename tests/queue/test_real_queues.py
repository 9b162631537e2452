"""The queue on real repositories with real gates: many branches, bad ones among them, culprits in a batch, a flake."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmgit.model.queue import Rejected
from tests.conftest import Repo

GATE_S = 0.2


def queue(repo: Repo, names: list[str], gate: str, files: int = 0, **merge: object) -> None:
    """Commit one task for each name; the gate runs on the merged tree only, and writes down each run."""
    repo.swarm["agents_max"] = 8
    repo.swarm["gates_max"] = 2
    repo.swarm["merge"] = merge
    log = f'printf "%s\\n" "$SWARM_SESSION" >> "{repo.agents}/gate-runs"; sleep {GATE_S}'
    repo.gates = [{"name": "check", "run": f"{log}; {gate}", "when": ["merge"]}]
    repo.policy = {"sandbox": "off"}
    repo.start()
    fill(repo.root, files)
    for name in names:
        repo.task(name, budget={"attempts": 1})
    repo.commit(message="ask")


def fill(root: Path, count: int) -> None:
    for folder in range(0, count, 100):
        place = root / f"src/p{folder // 100:03d}"
        place.mkdir(parents=True)
        for number in range(folder, min(folder + 100, count)):
            (place / f"f{number}.txt").write_text(f"{number}\n")


def gate_runs(repo: Repo) -> int:
    return len((repo.agents / "gate-runs").read_text().split())


def rejected(repo: Repo) -> list[str]:
    return sorted(entry.task for entry in repo.entries() if entry.state == "rejected")


def assert_proved(repo: Repo) -> None:
    """I1 and I2, P1 and P2 over the whole history, by the command that people use."""
    assert repo.swarmgit("fsck").returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_branches_in_a_repository_of_twenty_thousand_files(repo: Repo) -> None:
    names = [f"t{number:03d}" for number in range(200)]
    queue(repo, names, "true", files=20_000, batch_max=32)

    assert repo.reconcile(timeout_s=500).code == 0

    assert sorted(repo.landed()) == names
    runs = gate_runs(repo)
    print(f"200 branches, 20,000 files: {runs} gate runs")
    assert runs < 200
    assert_proved(repo)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fifty_branches_of_which_one_in_ten_is_bad(repo: Repo) -> None:
    names = [f"{'bad' if number % 10 == 3 else 'good'}-{number:02d}" for number in range(50)]
    queue(repo, names, "! ls | grep -q '^bad-'", batch_max=16)

    assert repo.reconcile(timeout_s=350).code == 4

    bad = [name for name in names if name.startswith("bad")]
    assert rejected(repo) == bad
    assert sorted(repo.landed()) == [name for name in sorted(names) if name not in bad]
    runs = gate_runs(repo)
    print(f"50 branches, 5 bad: {runs} gate runs")
    assert_proved(repo)


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("culprits", [("d",), ("b", "g")])
def test_a_batch_of_eight_finds_its_culprits_and_lands_the_rest(repo: Repo, culprits: tuple[str, ...]) -> None:
    names = list("abcdefgh")
    gate = "; ".join(f"! test -e {name}.txt || exit 1" for name in culprits)
    queue(repo, names, gate, batch_max=8)

    assert repo.reconcile().code == 4

    assert rejected(repo) == sorted(culprits)
    assert sorted(repo.landed()) == [name for name in names if name not in culprits]
    for entry in repo.entries():
        reds = entry.every(Rejected)
        assert all(event.reds >= 2 for event in reds), "nobody is evicted for one red run"
    assert_proved(repo)


@pytest.mark.slow
def test_a_flake_in_a_batch_of_eight_evicts_nobody(repo: Repo) -> None:
    names = list("abcdefgh")
    once = f"{repo.agents}/flaked"
    queue(repo, names, f'test -e "{once}" || {{ touch "{once}"; exit 1; }}', batch_max=8)

    assert repo.reconcile().code == 0

    assert sorted(repo.landed()) == names
    assert rejected(repo) == []
    assert any(event.kind == "red" for entry in repo.entries() for event in entry.events)
    assert_proved(repo)
