"""What a person sees, to the letter."""

from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "views"))

from looks import BASE, at, attempt, entry, landed, look, rejection, session, start, status, task
from msgspec.structs import replace

from swarmgit.app.control import Stopped
from swarmgit.app.run import Result, TickReport
from swarmgit.app.views.plan import plan_document
from swarmgit.app.views.status import status_document
from swarmgit.app.views.tasks import task_document
from swarmgit.cli.render import money, plan_text, status_text, task_text, tokens
from swarmgit.cli.render_run import Narrator, stopped, summary
from swarmgit.model.actions import Save
from swarmgit.model.control import Freeze
from swarmgit.model.desired import Problem
from swarmgit.model.ids import TaskId
from swarmgit.model.outcomes import Blocked, Done, Failed
from swarmgit.model.reasons import reason


def test_status_without_tasks_says_how_to_write_one() -> None:
    assert status_text(status_document(look(), "none")) == (
        "target main at bbbbbbbbbb, sandbox none\n\nno tasks; write one with: swarmgit task new ID --title …"
    )


def test_status_shows_what_is_in_the_way_then_tasks_sessions_and_queue() -> None:
    seen = look(
        task("api"),
        task("ui"),
        statuses=[landed("old")],
        views=[
            status("api", phase="running", reason="builder-01 is at work", attempts=(attempt(),)),
            status("ui", reason="it depends on api, which has not landed"),
        ],
        sessions={"s1": session()},
        entries={"e1": entry()},
        freeze=Freeze("ada", at(-1), "fire drill"),
        desired={"problems": (Problem(".swarm/gates.yaml", 3, 5, "unknown key 'rum'"),)},
    )
    assert status_text(status_document(seen, "none")) == "\n".join(
        (
            "target main at bbbbbbbbbb, sandbox none",
            "frozen by ada at 2026-01-02T11:59:00Z: fire drill (swarmgit thaw)",
            "problem: .swarm/gates.yaml:3:5: unknown key 'rum'",
            "",
            "TASK  PHASE    TRIES  AGENT       TOKENS  USD   WHY",
            "api   running  1      builder-01  0       ?     builder-01 is at work",
            "old   landed   1      builder-01  1k      0.25  dddddddddd",
            "ui    waiting  -      -           0       ?     it depends on api, which has not landed",
            "",
            "sessions",
            "SESSION  TASK  AGENT       RUNTIME  STATE  STARTED",
            "s1       api   builder-01  codemod  idle   2026-01-02T11:50:00Z",
            "",
            "merge queue",
            "ENTRY  TASK  STATE   TIER",
            "e1     api   queued  clean",
        )
    )


def test_status_names_what_helps_the_tasks_that_need_a_person() -> None:
    why = reason("attempts", "all 3 attempts are used up", task="api")
    seen = look(task("api"), views=[status("api", phase="failed", reason=why.text)])
    seen = replace(seen, plan=replace(seen.plan, reasons={TaskId("api"): why}))
    shown = status_text(status_document(seen, "none")).partition("these need you\n")[2]
    assert shown == (
        "TASK  RUN                        IF NOBODY DOES\n"
        "api   swarmgit task restart api  What depends on it does not start."
    )


def test_colour_paints_the_phase_and_nothing_else() -> None:
    document = status_document(look(statuses=[landed("landed")]), "none")
    plain, painted = status_text(document), status_text(document, colour=True)
    assert "\x1b" not in plain
    assert "landed  \x1b[32mlanded\x1b[0m  1" in painted


def test_a_plan_is_one_line_per_action_and_the_cost() -> None:
    api = task("api")
    assert plan_text(plan_document(look(api, actions=[start(api)]))) == (
        "DO     TASK  WHY\nstart  api   builder-01 (codemod): ready\n"
        "1 session would start; cost: no upper bound (1 without budget.usd)"
    )
    assert plan_text(plan_document(look())) == "nothing to do"


def test_a_task_shows_its_attempts() -> None:
    last = attempt(outcome="rejected", ended=at(-1), reason="gate test failed", rejection=rejection())
    seen = look(task("api"), views=[status("api", phase="rework", attempts=(last,))])
    assert task_text(task_document(seen, "api")).splitlines()[-5:] == [
        "",
        "attempt 1: rejected, builder-01 (codemod), session s1",
        "  2026-01-02T11:50:00Z to 2026-01-02T11:59:00Z",
        "  gate test failed",
        "  next step: Make `pytest -q` pass.",
    ]


def report(seen, *outcomes, actions=()) -> TickReport:
    return TickReport(1, tuple(actions), outcomes, seen)


def test_progress_is_one_line_per_event() -> None:
    api = task("api")
    narrator = Narrator(UTC)
    started = narrator.lines(report(look(api), Done(start(api))))
    assert list(started) == ["12:00:00 start   api  builder-01 (codemod)"]
    saved = [Save(landed("api"))]
    assert list(narrator.lines(report(look(api), actions=saved))) == ["12:00:00 landed  api  dddddddddd"]
    assert list(narrator.lines(report(look(api), actions=saved))) == []


def test_a_failure_is_said_once() -> None:
    narrator = Narrator(UTC)
    failed = Failed(start(task("api")), "no such runtime", "swarmgit validate")
    lines = [*narrator.lines(report(look(), failed)), *narrator.lines(report(look(), failed))]
    assert lines == ["12:00:00 error   no such runtime (swarmgit validate)"]


def test_a_landing_that_waits_names_the_edit() -> None:
    blocked = Blocked("e1", "/repo", ("a.txt",))
    (line,) = Narrator(UTC).lines(report(look(entries={"e1": entry()}), blocked))
    assert line == (
        "12:00:00 blocked api  the landing waits: /repo: a local edit is in its way in a.txt; "
        "git status; then commit or stash the edits"
    )


def test_the_summary_counts_phases_and_names_the_next_commands() -> None:
    seen = look(task("ui"), statuses=[landed("api"), status("ui", phase="failed")])
    assert summary(Result(4, "settled; some tasks need a person", seen)) == (
        "settled; some tasks need a person: 1 landed, 1 failed\n"
        "look further: swarmgit why ui, swarmgit status, swarmgit log, git log --first-parent"
    )


def test_a_stopped_session_says_how_its_task_goes_on() -> None:
    assert stopped(Stopped("s1", "api", is_over=True)) == (
        "session s1 has ended; task api is paused, and its work is kept\n"
        "go on where it was: swarmgit task resume api\n"
        "begin afresh:       swarmgit task restart api"
    )
    assert stopped(Stopped("s1", "api", is_over=True, was_over=True)) == "session s1 is over already"


def test_figures_are_short() -> None:
    assert (tokens(950), tokens(12_300), tokens(1_250_000), money(None), money(0.5)) == (
        "950",
        "12k",
        "1.2M",
        "?",
        "0.50",
    )
    assert (tokens(12_300, at_least=True), tokens(0, at_least=True)) == (">12k", "unknown")
    assert BASE.startswith("b")
