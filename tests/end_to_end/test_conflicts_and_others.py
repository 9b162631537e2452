"""What a conflict does to everybody else: other tasks' wishes, running gates, convoys, saved work."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from swarmgit.app.run import TickReport
from swarmgit.state import text
from tests.conftest import Repo

WORDS = "one\ntwo\nthree\n"
BOTH = "printf 'one\\ntwo person slow fast\\nthree\\n' > words.txt\n"


def with_merger(repo: Repo, script: str = BOTH) -> None:
    repo.agent("merger", script)
    program = str(repo.agents / "merger.sh")
    repo.swarm["runtimes"]["merger"] = {"adapter": "command", "run": ["/bin/sh", program]}
    repo.swarm["tiers"]["merging"] = {"runtime": "merger"}
    repo.swarm["routing"] = {"merge": "merging"}


def events(repo: Repo, kind: str) -> list[dict[str, Any]]:
    return [text.facts(event) for entry in repo.entries() for event in entry.events if event.kind == kind]


def change(name: str, nap_s: float = 0.0) -> str:
    return f"sed -i 's/^two.*/two {name}/' words.txt; echo {name} > {name}.txt; sleep {nap_s}"


@pytest.mark.slow
def test_what_a_landed_task_asked_for_holds_also_after_a_persons_commit_in_between(repo: Repo) -> None:
    with_merger(repo)
    repo.start({"words.txt": WORDS})
    go = repo.agents / "go"
    wait = f'n=0; while [ ! -e "{go}" ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n+1)); done; '
    repo.task("fast", change("fast"), shares=["words.txt"], acceptance=[{"run": "grep -q fast words.txt"}])
    repo.task("slow", wait + change("slow"), shares=["words.txt"])
    repo.commit()

    def then(report: TickReport) -> None:
        if not go.exists() and "fast" in repo.landed():
            repo.commit({"other.txt": "a person's\n"}, "in between")
            go.touch()

    assert repo.reconcile(on_tick=then).code == 0
    assert [event["with"] for event in events(repo, "resolving")] == [["fast"]]
    landing = next(e for entry in repo.entries() if entry.task == "slow" for e in entry.events if e.kind == "landing")
    assert "fast/acceptance-1" in landing.required


@pytest.mark.slow
def test_a_conflict_at_the_head_of_the_line_stops_nobodys_gate(repo: Repo) -> None:
    with_merger(repo)
    runs = repo.agents / "runs"
    repo.policy = {"sandbox": "off"}
    repo.gates = [
        {
            "name": "slow",
            "run": f'git status > /dev/null 2>&1; ls >> "{runs}"; echo -- >> "{runs}"; sleep 2',
            "when": ["merge"],
        }
    ]
    repo.start({"words.txt": WORDS, "a.txt": "a\n"})
    repo.task("plain", "echo plain > a.txt", owns=["a.txt"])
    repo.task("clash", change("clash", 1.2), shares=["words.txt"], priority="critical")
    repo.commit()
    done: list[str] = []

    def then(report: TickReport) -> None:
        if not done and runs.exists():
            done.append(repo.commit({"words.txt": "one\ntwo person\nthree\n"}, "a person was faster"))

    assert repo.reconcile(on_tick=then).code == 0
    assert sorted(repo.landed()) == ["clash", "plain"]
    assert len(repo.status("clash").attempts) == 1


@pytest.mark.slow
def test_a_proposal_that_a_gate_refused_is_kept(repo: Repo) -> None:
    with_merger(repo, "printf 'one\\ntwo nobody\\nthree\\n' > words.txt")
    repo.swarm["merge"] = {"flaky_retries": 0}
    repo.start({"words.txt": WORDS})
    for name in ("left", "right"):
        script = (
            f"grep -q {name} words.txt || {change(name, 0.3)}; echo {name} > {name}.txt; sed -i 's/nobody//' words.txt"
        )
        repo.task(name, script, shares=["words.txt"], acceptance=[{"run": f"grep -q {name} words.txt"}])
    repo.commit()
    repo.reconcile()
    refused = events(repo, "resolved")
    assert refused
    kept = repo.git("for-each-ref", "--format=%(objectname)", "refs/swarm/salvage").split()
    assert {event["proposal"] for event in refused} <= set(kept)


@pytest.mark.slow
def test_a_convoy_that_holds_waits_for_the_member_whose_conflict_is_being_resolved(repo: Repo) -> None:
    with_merger(repo, "sleep 1; " + BOTH)
    repo.start({"words.txt": WORDS})
    repo.write({".swarm/convoys/both.yaml": yaml.safe_dump(
        {"version": 1, "title": "Both", "description": "Together.", "tasks": ["fast", "slow"], "on_failure": "hold"}
    )})  # fmt: skip
    repo.task("fast", "echo fast > fast.txt")
    repo.task("slow", change("slow", 0.5), shares=["words.txt"])
    repo.commit()
    done: list[str] = []

    def then(report: TickReport) -> None:
        if not done and repo.git("for-each-ref", "refs/heads/swarm/state"):
            done.append(repo.commit({"words.txt": "one\ntwo person\nthree\n"}, "a person was faster"))

    assert repo.reconcile(on_tick=then).code == 0
    assert sorted(repo.landed()) == ["fast", "slow"]
    landed = {
        entry.task: entry.candidate.base for entry in repo.entries() if entry.candidate and entry.state == "landed"
    }
    times = {e.task: next(x.at for x in e.events if x.kind == "landing") for e in repo.entries() if e.state == "landed"}
    assert landed.keys() == {"fast", "slow"}
    assert abs((times["fast"] - times["slow"]).total_seconds()) < 0.5, "they land together"


@pytest.mark.slow
def test_members_of_a_convoy_that_holds_are_brought_together_by_a_merger_and_land_as_one(repo: Repo) -> None:
    with_merger(repo, 'cp "$SWARM_PROMPT_FILE" "$SWARM_OUTBOX/seen.txt"; ' + BOTH)
    repo.start({"words.txt": WORDS})
    repo.write({".swarm/convoys/both.yaml": yaml.safe_dump(
        {"version": 1, "title": "Both", "description": "Together.", "tasks": ["fast", "slow"], "on_failure": "hold"}
    )})  # fmt: skip
    for name in ("fast", "slow"):
        repo.task(name, change(name), shares=["words.txt"], acceptance=[{"run": f"grep -q {name} words.txt"}])
    repo.commit()

    assert repo.reconcile().code == 0

    assert sorted(repo.landed()) == ["fast", "slow"]
    assert repo.show("words.txt") == "one\ntwo person slow fast\nthree"
    assert sorted(entry.tier for entry in repo.entries()) == ["ai", "clean"]
    times = [event.at for entry in repo.entries() for event in entry.events if event.kind == "landing"]
    assert len(set(times)) == 1, "neither was ahead of the other"
    assert repo.swarmgit("fsck").returncode == 0


def test_members_of_a_convoy_that_holds_do_not_land_by_halves_where_nobody_can_bring_them_together(repo: Repo) -> None:
    repo.swarm["merge"] = {"tiers": ["clean", "auto", "reimagine"]}
    repo.start({"words.txt": WORDS})
    repo.write({".swarm/convoys/both.yaml": yaml.safe_dump(
        {"version": 1, "title": "Both", "description": "Together.", "tasks": ["fast", "slow"], "on_failure": "hold"}
    )})  # fmt: skip
    for name in ("fast", "slow"):
        repo.task(name, change(name), shares=["words.txt"])
    repo.commit()

    assert repo.reconcile().code == 4

    assert repo.landed() == []
    assert "conflicts in words.txt with" in repo.status("fast").reason
