"""`cost` against figures worked out by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from swarmgit.app.cost import cost
from swarmgit.app.look import Look
from swarmgit.cli.render_cost import cost_text
from swarmgit.model.actions import Plan
from swarmgit.model.desired import Desired, Swarm
from swarmgit.model.ids import AgentName, BlobId, CommitId, SessionId, TaskId
from swarmgit.model.observed import Observed
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.usage import Aside, Usage
from tests.conftest import Repo

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def attempt(number: int, began: float, ended: float, usd: float | None, outcome: Any) -> Attempt:
    """`began` and `ended`: minutes before now."""
    return Attempt(
        number,
        SessionId(f"s{number}"),
        AgentName("builder-01"),
        "claude-code",
        CommitId("base"),
        BlobId("g"),
        ago(began),
        model="sonnet",
        ended=ago(ended),
        outcome=outcome,
        usage=Usage(1000, 100, usd=usd),
    )


def seen(*statuses: TaskStatus, **swarm: Any) -> dict[str, Any]:
    known = {status.task: status for status in statuses}
    observed = Observed(target_head=CommitId("base"), statuses=known)
    look = Look(Desired(CommitId("base"), Swarm("main", **swarm)), observed, Plan(), NOW)
    return cost(cast(Any, SimpleNamespace()), look)


def two_tasks() -> tuple[TaskStatus, TaskStatus]:
    """One task: 90 minutes rejected at 3 USD, then 30 minutes landed at 1 USD, and a triage of 6 minutes at 0.2; one
    of which only the tokens are known."""
    looked = Aside(
        SessionId("t1"), "triage", AgentName("triage-01"), "judge", ago(126), ago(120), usage=Usage(50, usd=0.2)
    )
    a = TaskStatus(
        TaskId("a"),
        "Do a",
        phase="landed",
        attempts=(attempt(1, 150, 60, 3.0, "rejected"), attempt(2, 50, 20, 1.0, "landed")),
        asides=(looked,),
    )
    b = TaskStatus(TaskId("b"), "Do b", phase="landed", attempts=(attempt(3, 45, 15, None, "landed"),))
    return a, b


def test_by_hand() -> None:
    document = seen(*two_tasks())
    total = document["total"]
    assert (total["usd"], total["unpriced"], total["sessions"]) == (4.2, 1, 4)
    assert total["hours"] == pytest.approx(1.5 + 0.5 + 0.1 + 0.5)
    assert document["usd_per_agent_hour"] == pytest.approx(4.2 / (1.5 + 0.5 + 0.1)), "of the hours whose price is known"
    assert document["usd_per_landed_task"] == pytest.approx(4.2 / 2)
    assert document["rework_usd"] == 3.0
    assert document["burn_usd_per_hour"] == pytest.approx(1.0), "what ended an hour ago is not of the last hour"
    assert [row["name"] for row in document["agents"]] == ["builder-01", "triage-01"]


def test_of_a_long_session_only_its_part_of_the_last_hour_is_burnt_then() -> None:
    status = TaskStatus(TaskId("a"), "Do a", attempts=(attempt(1, 120, 30, 3.0, "landed"),))
    assert seen(status)["burn_usd_per_hour"] == pytest.approx(3.0 * 30 / 90)


def test_sums_that_leave_something_out_say_at_least() -> None:
    text = cost_text(seen(*two_tasks()), "task")
    assert "2 tasks done; each cost at least 2.1000 USD" in text
    assert "unknown" in text


def test_nothing_known_is_unknown_and_never_zero() -> None:
    document = seen(two_tasks()[1])
    assert (document["total"]["usd"], document["usd_per_agent_hour"], document["burn_usd_per_hour"]) == (None,) * 3
    assert "each cost an unknown price" in cost_text(document, "task")


def test_a_session_that_was_stopped_before_it_said_what_it_used_is_unknown_and_the_sum_the_least() -> None:
    stopped = replace(attempt(1, 60, 30, None, "cancelled"), usage=Usage(at_least=True))
    alone = seen(TaskStatus(TaskId("a"), "Do a", attempts=(stopped,)))
    assert (alone["total"]["tokens"], alone["total"]["unpriced"], alone["total"]["uncounted"]) == (0, 1, 1)
    assert cost_text(alone, "task").splitlines()[1].split()[2:4] == ["unknown", "unknown"]

    with_more = seen(TaskStatus(TaskId("a"), "Do a", attempts=(stopped, attempt(2, 20, 10, 1.0, "landed"))))
    assert ">1k" in cost_text(with_more, "task")
    assert "1.0000 + 1 unknown" in cost_text(with_more, "task")


def test_a_flat_plan_shows_what_it_gave_this_month() -> None:
    text = cost_text(seen(*two_tasks(), subscription_usd_per_month=200.0), "task")
    assert "a plan at 200.00 USD a month pays for this: 3k tokens in 2026-05, by list price at least 4.20 USD" in text
    assert "(2% of the plan)" in text


@pytest.mark.slow
def test_a_convoys_budget_is_shown_wherever_one_looks(repo: Repo) -> None:
    spend = """echo '{"type": "usage", "input_tokens": 100, "usd": 0.9}'; echo x > $SWARM_TASK.txt"""
    repo.swarm["agents_max"] = 1
    for name in ("a", "b", "c"):
        repo.task(name, spend)
    repo.write(
        {
            ".swarm/convoys/trip.yaml": "version: 1\ntitle: Trip\non_failure: continue\ntasks: [a, b, c]\nbudget: {usd: 1.0}\n"
        }
    )
    repo.start()
    repo.reconcile()

    assert sorted(repo.phases().values()) == ["landed", "landed", "waiting"]
    words = "convoy trip has used 1.80 of 1.00 USD"
    for command in (["status"], ["plan"], ["why", "c"], ["convoy", "show", "trip"], ["cost", "--by", "convoy"]):
        assert words in repo.swarmgit(*command).stdout, command
    for command in (["status"], ["plan"], ["cost"]):
        (row,) = json.loads(repo.swarmgit(*command, "--json").stdout)["convoy_budgets"]
        assert (row["alert"], row["limit_usd"]) == ("empty", 1.0)
    (row,) = json.loads(repo.swarmgit("cost", "--json").stdout)["convoys"]
    assert (row["name"], row["usd"], row["sessions"]) == ("trip", 1.8, 2)
    assert "budget of convoy trip is spent" in repo.swarmgit("incident", "list").stdout
