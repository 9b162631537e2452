"""Every unfinished task has a reason as a value, the same as its text; every kind's command is a real one."""

from __future__ import annotations

import shlex

import pytest
from test_incident_catalogue import parse
from test_lives import Chaos

from swarmgit.model.reasons import REASONS, reason
from swarmgit.model.status import FINISHED
from swarmgit.plan.incidents.kind import facts_in


@pytest.mark.parametrize("seed", range(200, 204))
def test_in_any_life_each_task_that_is_not_finished_has_the_reason_that_its_status_says(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(60):
        chaos.disturb()
        decided = chaos.life.tick_until_cut(None)
        open_tasks = {name: view for name, view in decided.views.items() if view.phase not in FINISHED}
        assert decided.reasons.keys() == open_tasks.keys()
        for name, view in open_tasks.items():
            why = decided.reasons[name]
            assert why.text == view.reason
            assert why.command
            assert why.if_ignored.endswith(".")
            is_at_work = why.kind in {"session", "other", "starting"}
            assert is_at_work or why.waits_for == view.waiting_for


@pytest.mark.parametrize("kind", REASONS)
def test_the_command_of_a_reason_is_a_real_one(kind: str) -> None:
    row = REASONS[kind]
    names = facts_in(row.command) | facts_in(row.if_ignored) | facts_in(row.waits_for or "")
    why = reason(kind, "x", **dict.fromkeys(names, "a"))
    program, *words = shlex.split(why.command)
    assert program in {"swarmgit", "git"}
    if program == "swarmgit":
        parse(words)
