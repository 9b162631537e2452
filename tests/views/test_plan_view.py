"""What `plan --json` says."""

from __future__ import annotations

from looks import BASE, LANDED, attempt, entry, landed, look, start, status, task

from swarmgit.app.views.plan import plan_document
from swarmgit.model.actions import Land, MergeItem, Retire, Save, StopSession, TryMerges
from swarmgit.model.desired import Budget
from swarmgit.model.endings import Stop


def rows(seen) -> list[tuple[str, str | None, str]]:
    return [(each["kind"], each["task"], each["reason"]) for each in plan_document(seen)["actions"]]


def test_a_start_names_the_agent_and_how_it_runs() -> None:
    api = task("api")
    assert rows(look(api, actions=[start(api)])) == [("start", "api", "builder-01 (codemod): ready")]


def test_a_waiting_task_appears_with_what_it_waits_for() -> None:
    waits = status("ui", reason="it depends on api, which has not landed", waiting_for=("dependency api",))
    assert rows(look(task("ui"), views=[waits])) == [("wait", "ui", "it depends on api, which has not landed")]


def test_a_task_that_is_being_started_does_not_also_wait() -> None:
    api = task("api")
    assert [row[0] for row in rows(look(api, actions=[start(api)], views=[status("api")]))] == ["start"]


def test_a_merge_and_a_landing_are_told_for_each_task() -> None:
    actions = [
        TryMerges(BASE, (MergeItem("e1", "api", LANDED, "m"), MergeItem("e2", "ui", LANDED, "m")), ()),
        Land(("e1",), "main", BASE, LANDED),
        StopSession("s1", "api", Stop("time limit of 60 minutes", "time-limit")),
    ]
    assert rows(look(actions=actions, entries={"e1": entry("e1")})) == [
        ("merge", "api", "try on bbbbbbbbbb"),
        ("merge", "ui", "try on bbbbbbbbbb"),
        ("land", "api", "move main from bbbbbbbbbb to dddddddddd"),
        ("stop", "api", "time limit of 60 minutes"),
    ]


def test_bookkeeping_is_left_out_and_a_change_of_phase_is_told() -> None:
    failed = status("api", phase="failed", reason="all 3 attempts are used up", attempts=(attempt(),))
    actions = [Retire("s1", "api"), Save(landed("old")), Save(failed)]
    seen = look(task("api"), statuses=[landed("old")], actions=actions)
    assert rows(seen) == [("fail", "api", "all 3 attempts are used up")]


def test_the_cost_has_an_upper_bound_only_if_every_start_has_a_limit() -> None:
    cheap, open_ended = task("a", budget=Budget(usd=2.5)), task("b")
    bounded = plan_document(look(cheap, actions=[start(cheap)]))["cost"]
    assert bounded == {"starts": 1, "usd_min": 0.0, "usd_max": 2.5, "without_limit": 0, "usd_expected": None}
    unbounded = plan_document(look(cheap, open_ended, actions=[start(cheap), start(open_ended)]))["cost"]
    assert unbounded == {"starts": 2, "usd_min": 0.0, "usd_max": None, "without_limit": 1, "usd_expected": None}
