"""`cost`: what was spent, as a person asks for it; an unknown price is never a zero."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Repo


def usage(**facts: object) -> str:
    return f"echo '{json.dumps({'type': 'usage', **facts})}'; echo x > $SWARM_TASK.txt"


def test_cost_adds_up_by_task_agent_model_convoy_and_day(repo: Repo) -> None:
    repo.task("cheap", usage(input_tokens=100, output_tokens=10, cache_read_tokens=5, usd=0.25), convoy="both")
    repo.task("dear", usage(input_tokens=1000, cache_write_tokens=7, usd=1.5), convoy="both")
    repo.task("unknown", usage(input_tokens=50))
    repo.write({".swarm/convoys/both.yaml": "version: 1\ntitle: Both\ntasks: [cheap, dear]\n"})
    repo.start()
    repo.reconcile()

    document = json.loads(repo.swarmgit("cost", "--json").stdout)

    assert [(row["name"], row["usd"], row["unpriced"]) for row in document["tasks"]] == [
        ("dear", 1.5, 0),
        ("cheap", 0.25, 0),
        ("unknown", None, 1),
    ]
    assert [(row["name"], row["usd"], row["sessions"]) for row in document["convoys"]] == [("both", 1.75, 2)]
    total = document["total"]
    assert (total["usd"], total["unpriced"], total["cache_read_tokens"], total["cache_write_tokens"]) == (1.75, 1, 5, 7)
    assert len(document["days"]) == 1
    assert document["landed_tasks"] == 3
    assert document["burn_usd_per_hour"] == 1.75
    shown = repo.swarmgit("cost", "--by", "task").stdout
    assert "1.7500 + 1 unknown" in shown


def test_a_price_of_ones_own_goes_before_every_other(repo: Repo) -> None:
    repo.swarm["prices"] = {"house-model": {"input": 10.0, "output": 100.0, "cache_read": 1.0}}
    repo.swarm["tiers"]["standard"]["model"] = "house-model"
    repo.task("a", usage(input_tokens=100_000, output_tokens=10_000, cache_read_tokens=1_000_000, usd=99))
    repo.start()
    repo.reconcile()

    (attempt,) = repo.status("a").attempts
    assert attempt.usage.usd == 3.0


@pytest.mark.slow
def test_the_day_is_shown_where_it_is_nearly_used_up_and_stops_new_work(repo: Repo) -> None:
    repo.swarm["budget"] = {"usd_per_day": 2.0, "alert_at": 0.5}
    repo.swarm["agents_max"] = 1
    repo.task("a", usage(input_tokens=1, usd=1.5))
    repo.start()
    repo.reconcile()
    assert "nearly used up" in repo.swarmgit("status").stdout
    assert json.loads(repo.swarmgit("plan", "--json").stdout)["budget"]["alert"] == "low"

    repo.task("b", usage(input_tokens=1, usd=1.5))
    repo.task("c", usage(input_tokens=1, usd=1.5), priority="low")
    repo.commit()
    repo.reconcile()

    assert repo.phases() == {"a": "landed", "b": "landed", "c": "waiting"}
    assert "budget.usd_per_day" in repo.swarmgit("why", "c").stdout
    assert "used up: nothing new starts" in repo.swarmgit("status").stdout
