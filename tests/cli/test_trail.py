"""log, diff and events read the state branch."""

from __future__ import annotations

import json
from itertools import islice

import pytest
from paper import START, Paper, status_of

from swarmgit.app.events import follow_events, last_events
from swarmgit.app.revisions import parse_time, state_commit
from swarmgit.app.trail import diff, log
from swarmgit.app.views.trail import log_document
from swarmgit.cli.render_trail import diff_text, event_text, log_text
from swarmgit.errors import PersonMustAct


def line(number: int, task: str = "api") -> bytes:
    event = {"timestamp": f"2026-01-02T12:00:{number:02d}.000Z", "type": "action", "agent_id": "builder-01"}
    rest = {"task_id": task, "session_id": "s1", "model": "codemod", "action": "edit", "file": f"src/{number}.py"}
    return json.dumps({**event, **rest}).encode() + b"\n"


EVENTS = "events/2026-01/02/s1.jsonl"


def test_the_log_is_newest_first_and_bounded(paper: Paper) -> None:
    for number in range(3):
        paper.write({"control/freeze.yaml": f"by: {number}\n".encode()}, f"tick {number}")
    assert [each.message for each in log(paper.world(), 2)] == ["tick 2", "tick 1"]
    head = paper.world().state.head()
    assert log_text(log(paper.world(), 1)) == f"{head[:10]} 2026-01-02 12:03:00 tick 2"
    (first,) = log_document(log(paper.world(), 1))["commits"]
    assert (first["at"], first["changed"]) == ("2026-01-02T12:03:00Z", ["control/freeze.yaml"])


def test_the_log_of_a_task_has_what_changed_its_status_its_control_or_its_entry(paper: Paper) -> None:
    api, ui = paper.land("api"), paper.land("ui")
    paper.record(status_of(ui), message="ui landed")
    paper.record(status_of(api), message="api landed")
    paper.write({"control/tasks/api.yaml": b"version: 1\n"}, "Pause api")
    assert [each.message for each in log(paper.world(), 9, "api")] == ["Pause api", "api landed", "tick"]


def test_without_a_state_branch_there_is_nothing_to_show(paper: Paper) -> None:
    world = paper.world()
    assert list(log(world, 9)) == []
    assert list(diff(world)) == []
    assert last_events(world, 9) == []
    with pytest.raises(PersonMustAct, match="no revision 'HEAD~1'"):
        list(diff(world, "HEAD~1"))


def test_the_diff_is_of_the_last_commit_or_of_what_was_named(paper: Paper) -> None:
    paper.write({"tasks/a.yaml": b"phase: waiting\n", "tasks/gone.yaml": b"x\n"})
    paper.write({"tasks/a.yaml": b"phase: running\n"})
    paper.write({"tasks/gone.yaml": None})
    assert diff_text(diff(paper.world())) == "--- a/tasks/gone.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-x"
    changed = "--- a/tasks/a.yaml\n+++ b/tasks/a.yaml\n@@ -1 +1 @@\n-phase: waiting\n+phase: running"
    assert diff_text(diff(paper.world(), "HEAD~2", "HEAD~1")) == changed
    assert "\x1b[32m+phase: running\x1b[0m" in diff_text(diff(paper.world(), "~2", "~"), colour=True)


def test_a_revision_is_one_of_the_state_branch_and_never_of_the_persons(paper: Paper) -> None:
    paper.write({"a": b"1"})
    first = paper.world().state.head()
    paper.write({"a": b"2"})
    world = paper.world()
    for name in ("HEAD~1", "~1", "@^", "swarm/state~1", first, first[:12], "2026-01-02T12:01:30", "90 seconds ago"):
        paper.clock.at = START.replace(minute=3, second=0)
        assert state_commit(world, name) == first, name
    for name in ("nosuch", "main", "HEAD~7", "2020-01-01", ""):
        with pytest.raises(PersonMustAct):
            state_commit(world, name)


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert parse_time("2026-01-02T12:00", START) == START
    assert parse_time("2026-01-02T13:00+01:00", START) == START
    assert parse_time("2 hours ago", START) == START.replace(hour=10)
    assert parse_time("yesterday", START) is None


def test_the_last_events_come_in_the_order_of_time(paper: Paper) -> None:
    paper.write({"events/2026-01/01/s0.jsonl": line(1), EVENTS: line(3) + line(2) + b"no json\n"})
    assert [each["file"] for each in last_events(paper.world(), 2)] == ["src/2.py", "src/3.py"]
    assert len(last_events(paper.world(), 9)) == 3
    assert event_text(last_events(paper.world(), 1)[0], as_json=False) == (
        "2026-01-02T12:00:03  builder-01  api  edit src/3.py"
    )
    assert json.loads(event_text(last_events(paper.world(), 1)[0], as_json=True))["model"] == "codemod"


def test_following_shows_what_is_committed_after_it_began(paper: Paper) -> None:
    paper.write({EVENTS: line(1)})
    waits = iter([None, lambda: paper.write({EVENTS: line(1) + line(2)}), lambda: paper.write({"x": b""})])

    def wait(_seconds: float) -> bool:
        act = next(waits)
        if act:
            act()
        return True

    found = islice(follow_events(paper.world(), 5, wait), 2)
    assert [each["file"] for each in found] == ["src/1.py", "src/2.py"]


def test_an_event_of_a_gate_shows_its_outcome() -> None:
    event = {
        "timestamp": "2026-01-02T12:00:03.000Z",
        "type": "gate",
        "agent_id": "b",
        "gate": "test",
        "outcome": "pass",
    }
    assert event_text(event, as_json=False) == "2026-01-02T12:00:03  b  gate  gate=test outcome=pass"
