"""What `status --json` says."""

from __future__ import annotations

from looks import NOW, at, attempt, entry, identity, landed, look, session, status, task
from msgspec.structs import replace

from swarmgit.app.views.status import status_document
from swarmgit.app.views.tasks import task_document, total_usd
from swarmgit.cli.render import status_text
from swarmgit.model.control import Freeze
from swarmgit.model.desired import Problem
from swarmgit.model.sessions import GateSpec, MergeSpec, TriageSpec
from swarmgit.model.usage import Usage


def test_the_document_has_every_pinned_key() -> None:
    document = status_document(look(task("api")), "none")
    pinned = {"version", "target", "frozen", "tasks", "sessions", "queue", "agents", "sandbox", "drafts", "problems"}
    assert pinned <= set(document)
    assert (document["version"], document["target"], document["frozen"]) == (1, "main", False)
    assert document["sandbox"] == "none"


def test_a_task_that_state_does_not_know_yet_is_waiting() -> None:
    assert status_document(look(task("api")), "none")["tasks"] == [
        {
            "id": "api",
            "title": "Do api",
            "phase": "waiting",
            "priority": "normal",
            "priority_from": None,
            "reason": "not looked at yet",
            "waiting_for": [],
            "why": None,
            "agent": None,
            "session": None,
            "attempts": 0,
            "tokens": 0,
            "tokens_at_least": False,
            "usd": None,
            "landed_commit": None,
        }
    ]


def test_what_the_plan_sees_comes_before_what_is_stored() -> None:
    seen = look(task("api"), statuses=[status("api")], views=[status("api", phase="running", attempts=(attempt(),))])
    (row,) = status_document(seen, "none")["tasks"]
    assert (row["phase"], row["agent"], row["session"], row["attempts"]) == ("running", "builder-01", "s1", 1)


def test_a_finished_task_that_has_left_the_intent_is_still_shown() -> None:
    (row,) = status_document(look(statuses=[landed("api")]), "none")["tasks"]
    assert (row["phase"], row["tokens"], row["usd"], row["landed_commit"]) == ("landed", 1200, 0.25, "d" * 40)


def test_a_task_whose_file_is_broken_is_shown_with_the_way_to_its_problem() -> None:
    seen = look(desired={"held": frozenset({"api"}), "problems": (Problem(".swarm/tasks/api.yaml", 4, 1, "bad"),)})
    document = status_document(seen, "none")
    assert document["tasks"][0]["reason"] == "its file has a problem; see 'swarmgit validate'"
    assert document["problems"] == [{"file": ".swarm/tasks/api.yaml", "line": 4, "column": 1, "message": "bad"}]


def test_sessions_are_those_of_agents_and_gate_runs_are_apart() -> None:
    gate = session("g1", GateSpec)
    document = status_document(look(sessions={"s1": session(), "g1": gate}), "none")
    assert [each["id"] for each in document["sessions"]] == ["s1"]
    assert [(each["id"], each["gate"]) for each in document["gate_runs"]] == [("g1", "test")]
    wanted = {
        "task": "api",
        "agent": "builder-01",
        "runtime": "codemod",
        "model": None,
        "state": "running",
        "pid": 4711,
    }
    assert wanted.items() <= document["sessions"][0].items()
    assert document["sessions"][0]["started"] == "2026-01-02T11:50:00Z"


def test_mergers_and_triage_sessions_are_shown_with_what_they_are_there_for() -> None:
    merger = session("m1", MergeSpec, spec={"agent": "merger-01"})
    triage = session("t1", TriageSpec, spec={"agent": "triage-01"})
    document = status_document(look(sessions={"s1": session(), "m1": merger, "t1": triage}), "none")
    shown = [(each["id"], each["kind"], each["agent"]) for each in document["sessions"]]
    assert shown == [("m1", "merge", "merger-01"), ("s1", "agent", "builder-01"), ("t1", "triage", "triage-01")]
    assert "merger-01 (merge)" in status_text(document, width=None)


def test_only_entries_that_have_not_landed_are_in_the_queue_and_the_urgent_one_is_first() -> None:
    entries = {
        "e1": entry("e1"),
        "e2": entry("e2", priority="critical"),
        "e3": entry("e3", state="landed"),
    }
    document = status_document(look(entries=entries), "none")
    assert [(each["id"], each["task"], each["state"], each["tier"]) for each in document["queue"]] == [
        ("e2", "api", "queued", "clean"),
        ("e1", "api", "queued", "clean"),
    ]


def test_a_freeze_says_who_when_and_why() -> None:
    document = status_document(look(freeze=Freeze("ada", at(-1), "fire drill")), "none")
    assert document["frozen"] == {"by": "ada", "at": "2026-01-02T11:59:00Z", "reason": "fire drill"}


def test_an_agent_shows_what_it_is_at_and_how_often_it_passed_first_time() -> None:
    known = identity(sessions=3, tasks_tried=2, tasks_completed=2, first_pass=1)
    (row,) = status_document(look(identities={"builder-01": known}, sessions={"s1": session()}), "none")["agents"]
    assert (row["task"], row["session"], row["first_pass_rate"]) == ("api", "s1", 0.5)


def test_tokens_without_a_price_make_the_whole_sum_unknown() -> None:
    free = attempt(usage=Usage())
    priced = attempt(usage=Usage(input_tokens=5, usd=0.5))
    unknown = attempt(usage=Usage(input_tokens=5))
    assert (total_usd([]), total_usd([free]), total_usd([priced]), total_usd([free, priced])) == (None, None, 0.5, 0.5)
    assert total_usd([priced, unknown]) is None


def test_a_task_shows_every_attempt() -> None:
    seen = look(task("api"), statuses=[landed("api")])
    document = task_document(seen, "api")
    assert [each["outcome"] for each in document["history"]] == ["landed"]
    assert (document["owns"], document["file"]) == (["src/**"], ".swarm/tasks/api.yaml")


def test_drafts_are_named() -> None:
    seen = replace(look(), drafts=(".swarm/tasks/new.yaml",))
    assert status_document(seen, "none")["drafts"] == [".swarm/tasks/new.yaml"]
    assert seen.now == NOW
