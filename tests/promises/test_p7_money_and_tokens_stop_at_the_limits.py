"""P7: soft limits stop new work, hard limits stop the session after saving its work, and unknown is never free."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Repo


def spends(seconds: int = 30, **facts: object) -> str:
    """An agent that changes its file, says what it has used, and goes on."""
    line = json.dumps({"type": "usage", **facts})
    return f"echo half > $SWARM_TASK.txt; echo '{line}'; sleep {seconds} & wait $!"


def test_a_session_over_its_tokens_is_stopped_after_its_work_is_saved(repo: Repo) -> None:
    repo.swarm["budget"] = {"tokens_per_session": 1000}
    repo.task("a", spends(input_tokens=900, cache_read_tokens=200), budget={"attempts": 1})
    repo.start()
    repo.reconcile()

    status = repo.status("a")
    (attempt,) = status.attempts
    assert (status.phase, attempt.outcome, attempt.usage.tokens) == ("failed", "over-budget", 1100)
    assert attempt.salvage is not None
    assert repo.git("show", f"{attempt.salvage}:a.txt") == "half"


@pytest.mark.slow
def test_the_next_attempt_goes_on_with_the_work_of_the_one_that_was_stopped(repo: Repo) -> None:
    repo.swarm["budget"] = {"tokens_per_session": 1000}
    first, second = spends(input_tokens=1001), "grep -q half a.txt && echo whole > a.txt"
    repo.task("a", f'if [ "$SWARM_ATTEMPT" = 1 ]; then {first}; else {second}; fi')
    repo.start()
    repo.reconcile()

    assert repo.phases() == {"a": "landed"}
    assert repo.show("a.txt") == "whole"


def test_a_task_over_its_money_is_stopped_and_not_started_again(repo: Repo) -> None:
    repo.task("a", spends(input_tokens=10, usd=3.0), budget={"usd": 2.0})
    repo.start()
    result = repo.reconcile()

    status = repo.status("a")
    assert [a.outcome for a in status.attempts] == ["over-budget"]
    assert status.waiting_for == ("budget",)
    assert "it has cost 3.00 of 2.00 USD" in repo.swarmgit("why", "a").stdout
    assert result.code == 4


def test_tokens_at_an_unknown_price_are_limited_all_the_same(repo: Repo) -> None:
    repo.swarm["budget"] = {"usd_per_day": 1.0, "usd_per_task": 1.0, "tokens_per_session": 500}
    repo.task("a", spends(input_tokens=600), budget={"attempts": 1})
    repo.start()
    repo.reconcile()

    (attempt,) = repo.status("a").attempts
    assert (attempt.outcome, attempt.usage.usd) == ("over-budget", None)
    assert "whose price is not known" in repo.swarmgit("cost").stdout
