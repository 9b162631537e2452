"""Incidents: raised by what goes wrong, counted by signature, written as a post-mortem, closed by a person."""

from __future__ import annotations

import errno
import json
import os
from datetime import timedelta

import pytest
from msgspec.structs import replace

from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Stream
from swarmgit.model.faults import fault_of
from swarmgit.model.health import Vitals
from swarmgit.model.ids import AgentName, SessionId, TaskId
from swarmgit.model.incidents import Alert, Incident, IncidentControl, Note, Occurrence
from swarmgit.model.mail import HUMAN
from swarmgit.model.work import TAMPERED
from swarmgit.plan import incidents
from swarmgit.plan.incidents import known_causes
from swarmgit.plan.situation import Draft, Situation
from swarmgit.state import incidents as documents
from tests.conftest import Repo
from tests.plan.values import START, Life, cannot_start, fails, is_lost, life, never_ends, saved, submits, task

SAID = Alert("worktree/unsaved", AgentName("builder-01"), TaskId("a"), SessionId("s1"), {"reason": "no room"})
TITLE = "work-in-a-worktree-without-a-session-cou"


def note(made: Life, *alerts: Alert) -> list[Incident]:
    """Report in one tick of its own and return every incident."""
    situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
    draft = Draft()
    incidents.collect(situation, draft)
    draft.alerts += alerts
    incidents.record(situation, draft)
    from swarmgit.plan import mail

    mail.deliver(situation, draft)
    for action in draft.actions:
        made._apply(action)
        made.did.append(action)
    made.now += timedelta(minutes=1)
    return [made.observed.incidents[id_] for id_ in sorted(made.observed.incidents)]


def test_the_same_signature_is_one_incident_with_a_count_and_the_same_key_counts_once() -> None:
    made = life()
    (first,) = note(made, SAID, SAID)
    assert (first.id, first.count) == (f"2026-01-01-01-{TITLE}", 1)
    note(made, SAID)
    other = replace(SAID, session=SessionId("s2"), task=TaskId("b"))
    (again,) = note(made, other)
    assert (again.count, again.tasks, again.sessions) == (2, ("a", "b"), ("s1", "s2"))
    assert len(made.observed.mail[HUMAN]) == 1, "and people are told once"
    assert len(saved(made.did, Incident)) == 2


def test_after_it_was_closed_the_next_one_links_to_it() -> None:
    made = life()
    (first,) = note(made, SAID)
    made.see(
        incident_controls={
            "x": IncidentControl(
                first.id, text="bigger limit", cause="slow disk", prevention=("gate: faster",), is_closed=True, by="pat"
            )
        }
    )
    (closed,) = note(made)
    assert (closed.state, closed.resolution, closed.cause, closed.closed_by) == (
        "closed",
        "bigger limit",
        "slow disk",
        "pat",
    )
    assert made.observed.incident_controls == {}
    _, second = note(made, replace(SAID, session=SessionId("s9")))
    assert (second.id, second.earlier) == (f"2026-01-01-02-{TITLE}", (first.id,))
    assert f"it happened before: [{first.id}]({first.id}.md)" in documents.post_mortem(second)


def test_what_a_person_finds_is_noted_and_a_person_can_open_one() -> None:
    made = life()
    made.see(incident_controls={"x": IncidentControl(title="Disk full", text="/tmp had no room", by="pat", at=START)})
    (opened,) = note(made)
    assert (opened.title, opened.detection) == ("Disk full", "person")
    made.see(incident_controls={"y": IncidentControl(opened.id, text="it was the cache", by="pat", at=START)})
    (noted,) = note(made)
    assert noted.notes == (Note(START, "pat", "it was the cache"),)


@pytest.mark.parametrize(
    ("ends", "signature", "title"),
    [
        (is_lost, "session/lost/script", "a session's processes were killed from outside"),
        (cannot_start, "session/error/no such program", "a session could not work"),
        (fails, "salvage/failed", "work that did not land was saved (failed)"),
    ],
)
def test_sessions_that_end_badly_and_saved_work_are_incidents(ends, signature: str, title: str) -> None:
    made = life(task("a"), task("b"), ends=ends)
    made.settle()
    found = {each.signature: each for each in made.observed.incidents.values()}
    assert found[signature].title == title
    assert found[signature].tasks == ("a", "b")
    attempts = sum(len(made.status(name).attempts) for name in ("a", "b"))
    assert found[signature].count == attempts


@pytest.mark.parametrize(
    ("end", "signature", "repair"),
    [
        (
            {"exit_code": None, "error": "the worktree's set-up failed: npm: not found", "cause": "cause/set-up"},
            "cause/set-up",
            "swarmgit doctor",
        ),
        (
            {"exit_code": 1, "stderr_tail": "OSError: [Errno 98] Address already in use"},
            "cause/port",
            "swarmgit status",
        ),
        (
            {"exit_code": 1, "stream": Stream(text_tail="write: No space left on device")},
            "cause/disk-full",
            "swarmgit gc",
        ),
    ],
)
def test_a_known_cause_is_named_with_its_repair(end: dict, signature: str, repair: str) -> None:
    made = life(task("a"), ends=lambda session: {"paths": (), **end}, swarm={"attempts_max": 1})
    made.settle()
    (incident,) = [i for i in made.observed.incidents.values() if not i.signature.startswith("salvage")]
    assert incident.signature == signature
    assert repair in incident.answers
    assert incident.cause
    assert incident.prevention


def test_changed_git_settings_raise_the_alarm_and_tell_a_person() -> None:
    made = life(task("a"), swarm={"attempts_max": 1})
    objection = f"the repository's own '.git/config' {TAMPERED}"
    while not (ended := [s for s in made.observed.sessions.values() if s.is_finished and s.spec.kind == "agent"]):
        made.tick()
    (session,) = ended
    assert session.capture is not None
    made._session(replace(session, capture=replace(session.capture, objections=(objection,))))
    made.settle()
    (alarm,) = [i for i in made.observed.incidents.values() if i.signature == "tamper/settings"]
    assert (alarm.sessions, objection in alarm.occurrences[0].what) == ((session.spec.id,), True)
    assert "git config --local --list" in alarm.answers
    assert any("git settings" in mail.subject for mail in made.observed.mail[HUMAN].values())


def test_more_disk_than_a_session_may_take_is_an_incident_with_its_repair() -> None:
    config = WatchdogConfig(WatchdogLimits(disk_mb=10))
    made = life(task("a"), ends=never_ends, swarm={"watchdog": config})
    made.tick()
    (session,) = made.working()
    made._session(replace(session, vitals=Vitals(made.now, 1.0, 1.0, disk_mb=20.0)))
    made.tick()
    (incident,) = made.observed.incidents.values()
    assert incident.signature == "watchdog/over-limit/disk/implement"
    assert "swarmgit gc" in incident.answers


@pytest.mark.parametrize("gap", [{"uncounted": "has no end"}, {"failed": "RuntimeError"}])
def test_a_session_that_is_not_wholly_measured_is_told_once_and_goes_on(gap: dict[str, str]) -> None:
    made = life(task("a"), ends=never_ends)
    made.tick()
    (session,) = made.working()
    made._session(replace(session, vitals=Vitals(made.now, 1.0, 1.0, disk_mb=20.0, **gap)))
    for _ in range(3):
        made.tick()
    (incident,) = made.observed.incidents.values()
    assert (incident.signature, len(incident.occurrences)) == (f"measure/{next(iter(gap))}", 1)
    assert made.working()


def test_a_gate_that_cannot_answer_is_an_incident_and_work_that_goes_well_is_none() -> None:
    made = life(task("a"), answers=lambda gate, tree: "error")
    made.settle()
    assert [each.signature for each in made.observed.incidents.values() if each.detection == "gate"] == [
        "gate-error/check/"
    ]
    well = life(task("a"), task("b"), ends=submits)
    well.settle()
    assert well.observed.incidents == {}


def test_the_form_is_filled_in_with_what_is_known() -> None:
    value = Incident(
        id="2026-01-01-01-x",
        signature="s",
        title="A session stalled\n# not a heading",
        opened=START,
        detection="tier 1: mechanical",
        count=3,
        occurrences=(Occurrence(START, "k", "--- quiet\nfor long"),),
        agents=(AgentName("builder-01"),),
        tasks=(TaskId("a"),),
        cause="it waited for input",
        prevention=("watchdog threshold: 5 minutes", "a habit"),
        answers=("swarmgit stop s1",),
    )
    assert documents.post_mortem(value) == (
        "# A session stalled # not a heading\n\n"
        "- Incident: 2026-01-01-01-x (open)\n- Date: 2026-01-01 00:00 UTC\n- Agents: builder-01\n- Tasks: a\n"
        "- Duration: 0 s so far\n- Occurred: 3 times, last 2026-01-01 00:00 UTC\n\n"
        "## What happened\n\n- 2026-01-01 00:00:00 quiet for long\n\n"
        "## Detection\n\ntier 1: mechanical\n\n## Root cause\n\nit waited for input\n\n"
        "## Resolution\n\nWhat answers this:\n\n    swarmgit stop s1\n\n"
        "## Prevention\n\n- [x] watchdog threshold: 5 minutes\n- [ ] specification\n- [ ] gate\n- [ ] infrastructure\n- [x] a habit\n"
    )
    assert documents.load("incidents/x.md", documents.dump(value)) == value


def test_a_broken_incident_file_says_where_and_the_rest_goes_on(repo: Repo) -> None:
    with pytest.raises(PersonMustAct, match=r"incidents/x\.md:1:1: the facts of an incident stand first"):
        documents.load("incidents/x.md", b"# only text\n")
    with pytest.raises(PersonMustAct, match=r"incidents/x\.md:2:1: unknown key 'nonsense'"):
        documents.load("incidents/x.md", b"---\nversion: 1\nnonsense: 1\n---\n")


def test_people_use_the_commands(repo: Repo) -> None:
    repo.start()
    repo.swarm["worktree"] = {"setup": ["exit 3"]}
    repo.configure()
    repo.task("api")
    repo.commit()
    repo.reconcile()
    (found,) = [
        i
        for i in json.loads(repo.swarmgit("incident", "list", "--json").stdout)["incidents"]
        if i["signature"] == "cause/set-up"
    ]
    assert (found["count"], found["tasks"]) == (2, ["api"])
    assert f"incident {found['id']}: a worktree could not be set up" in repo.git("log", "--format=%B", "swarm/state")
    assert "## What happened" in repo.git("show", f"swarm/state:incidents/{found['id']}.md")

    assert "open incidents: 1 (swarmgit incident list)" in repo.swarmgit("status").stdout
    assert json.loads(repo.swarmgit("status", "--json").stdout)["incidents"] == 1
    repo.swarmgit("incident", "note", found["id"], "the path is wrong")
    repo.swarmgit("incident", "close", found["id"], "--cause", "a typo", "--prevention", "infrastructure: doctor in CI")
    repo.swarmgit("incident", "new", "Coffee is out")
    repo.reconcile(mode="once")
    shown = repo.swarmgit("incident", "show", found["id"]).stdout
    assert "a typo" in shown
    assert "the sandbox?; doctor in CI" in shown
    assert "the path is wrong" in shown
    assert "Coffee is out" in repo.swarmgit("incident", "list").stdout
    assert found["id"] not in repo.swarmgit("incident", "list").stdout
    assert repo.swarmgit("incident", "show", "nope", check=False).returncode == 1


def test_a_day_without_money_left_is_one_incident(repo: Repo) -> None:
    repo.swarm["budget"] = {"usd_per_day": 0.01}
    repo.start()
    spent = """printf '{"type": "usage", "input_tokens": 10, "usd": 0.02}\\n'; echo x > first.txt"""
    repo.task("first", spent)
    repo.task("second", depends_on=["first"])
    repo.commit()
    repo.reconcile(timeout_s=15)
    found = json.loads(repo.swarmgit("incident", "list", "--json").stdout)["incidents"]
    assert [(each["signature"], each["count"]) for each in found if each["signature"].startswith("budget")] == [
        ("budget/day", 1)
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_by_what_the_system_refused_and_by_its_words(number: int) -> None:
    fault = fault_of(OSError(number, os.strerror(number), "/full"))
    assert fault is not None
    assert fault.cause == known_causes.of("", os.strerror(number)) == "cause/disk-full"
