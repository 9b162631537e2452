"""`why` explains a task's phase in sentences and names the next command."""

from __future__ import annotations

import pytest
from looks import at, attempt, entry, landed, look, rejection, session, start, status, task

from swarmgit.app.convoys import statuses
from swarmgit.app.prompt import prompt_text
from swarmgit.app.views.convoys import convoy_document
from swarmgit.app.views.queue import queue_document
from swarmgit.app.views.status import status_document
from swarmgit.app.views.tasks import task_document
from swarmgit.app.why import explain
from swarmgit.cli.render import status_text, task_text
from swarmgit.errors import PersonMustAct
from swarmgit.model.control import Freeze, TaskControl
from swarmgit.model.desired import Convoy
from swarmgit.model.ids import ConvoyId, TaskId


def test_a_waiting_task_says_what_it_waits_for() -> None:
    waits = status("ui", reason="it depends on api, which has not landed", waiting_for=("dependency api",))
    assert explain(look(task("ui"), views=[waits]), "ui").text() == (
        "ui: waiting\nIt waits: it depends on api, which has not landed.\n  next: swarmgit reconcile"
    )


def test_a_task_that_starts_next_says_so() -> None:
    api = task("api")
    assert "It starts with the next tick." in explain(look(api, actions=[start(api)]), "api").sentences


def test_a_running_task_names_its_session_and_process() -> None:
    running = status("api", phase="running", attempts=(attempt(),))
    answer = explain(look(task("api"), views=[running], sessions={"s1": session()}), "api")
    assert answer.sentences[0] == "Agent builder-01 (codemod) has been at it for 10 min in session s1, process 4711."
    assert answer.commands == ("swarmgit logs s1 -f",)


def test_a_failed_task_tells_the_rejection_and_how_to_begin_afresh() -> None:
    last = attempt(3, outcome="rejected", ended=at(-1), reason="gate test failed", rejection=rejection())
    failed = status(
        "api", phase="failed", reason="all 3 attempts are used up", attempts=(attempt(1, outcome="failed"), last)
    )
    answer = explain(look(task("api"), statuses=[failed]), "api")
    assert answer.text() == "\n".join(
        (
            "api: failed",
            "It has failed and is not tried again by itself: all 3 attempts are used up.",
            "2 of 3 attempts are used up; it has had 2 sessions.",
            "The last one, s3 by builder-01, is rejected: gate test failed.",
            "It was sent back: gate test failed on what you submitted.",
            "The command was `pytest -q` (exit code 1).",
            "  tests/test_a.py:3: assert 1 == 2",
            "  next: swarmgit task restart api",
            "  next: swarmgit task show api",
        )
    )


def test_a_landing_that_waits_for_an_edit_names_the_files() -> None:
    queued = status("api", phase="queued", entry="e1", reason="the landing waits", attempts=(attempt(),))
    seen = look(task("api"), views=[queued], entries={"e1": entry(state="landing")}, blocked={"e1": ("src/a.py",)})
    assert "The landing waits, because a checkout of the target has edits of yours in src/a.py." in (
        explain(seen, "api").sentences
    )


def test_a_freeze_and_a_pause_are_told_with_the_commands_that_lift_them() -> None:
    seen = look(
        task("api"),
        views=[status("api", reason="frozen")],
        freeze=Freeze("ada", at(-1), "fire drill"),
        controls={"api": TaskControl(paused=True, by="ada", reason="later")},
    )
    answer = explain(seen, "api")
    assert "Everything is frozen since 2026-01-02T11:59:00Z by ada: fire drill." in answer.sentences
    assert "It is paused by ada: later." in answer.sentences
    assert answer.commands == ("swarmgit thaw", "swarmgit task resume api")


def test_a_landed_task_names_its_commit() -> None:
    answer = explain(look(task("api"), statuses=[landed("api")]), "api")
    assert answer.sentences[0] == f"It landed as {'d' * 40} on 2026-01-02T11:56:00Z."
    assert answer.document()["commands"] == ["swarmgit task show api", f"git show {'d' * 40}"]


def test_an_unknown_task_gets_a_guess() -> None:
    with pytest.raises(PersonMustAct, match="there is no task 'apu'; did you mean 'api'"):
        explain(look(task("api")), "apu")


def test_an_archived_task_says_where_it_is() -> None:
    seen = look(archived={"old": "archive/2026-01/01/old.yaml"})
    assert "archive/2026-01/01/old.yaml" in explain(seen, "old").text()


def test_the_prompt_of_a_planned_start_is_printed_as_it_is() -> None:
    api = task("api")
    assert prompt_text(look(api, actions=[start(api)]), "api") == "prompt of api\n"


def test_the_prompt_of_a_waiting_task_is_built_by_the_same_code() -> None:
    text = prompt_text(look(task("api"), views=[status("api")]), "api")
    assert text.startswith("You build.\n\n# Task api: Do api")


def test_a_task_whose_file_has_a_problem_is_not_told_to_reconcile() -> None:
    waits = status("api", reason="its file has a problem")
    answer = explain(look(task("api"), views=[waits], desired={"held": frozenset({"api"})}), "api")
    assert answer.commands == ("swarmgit validate",)


def test_the_priority_that_counts_is_shown_with_the_convoy_that_gives_it() -> None:
    convoy = Convoy(ConvoyId("cv"), "Soon", tasks=(TaskId("a"), TaskId("b")), priority="high")
    looked = look(task("a"), task("b", priority="critical"), task("c"), desired={"convoys": {convoy.id: convoy}})
    assert "Its priority is high, from convoy cv (its own: normal)." in explain(looked, "a").sentences
    assert "Its priority is critical." in explain(looked, "b").sentences
    assert not any("priority" in sentence for sentence in explain(looked, "c").sentences)

    rows = {row["id"]: (row["priority"], row["priority_from"]) for row in status_document(looked, "none")["tasks"]}
    assert rows == {"a": ("high", "cv"), "b": ("critical", None), "c": ("normal", None)}
    assert "convoy cv gives priority high to 1 task\n" in status_text(status_document(looked, "none"))
    assert "priority: high, from convoy cv" in task_text(task_document(looked, "a"))
    shown = convoy_document(looked, statuses(looked)[convoy.id])
    assert shown["priority"] == "high"
    assert shown["priorities"] == {
        "a": {"priority": "high", "from": "cv"},
        "b": {"priority": "critical", "from": None},
    }


def test_the_queue_is_shown_in_the_order_of_the_priorities_that_count() -> None:
    convoy = Convoy(ConvoyId("cv"), "Soon", tasks=(TaskId("b"),), priority="high")
    entries = {each.id: each for each in (entry("e1", task=TaskId("a")), entry("e2", task=TaskId("b")))}
    looked = look(task("a"), task("b"), desired={"convoys": {convoy.id: convoy}}, entries=entries)
    rows = queue_document(looked, is_all=False)["queue"]
    assert [(row["task"], row["priority"], row["priority_from"]) for row in rows] == [
        ("b", "high", "cv"),
        ("a", "normal", None),
    ]
