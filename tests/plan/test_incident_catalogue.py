"""The catalogue of incidents: every kind happens, the facts fill its texts, its commands are real, its page is whole."""

from __future__ import annotations

import ast
import runpy
import shlex
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec.structs import replace
from values import START, Life, life, never_ends, submits, task

from swarmgit.cli import cli
from swarmgit.model.desired import Convoy, ConvoyBudget, PushConfig, SwarmBudget, WatchdogConfig, WatchdogLimits
from swarmgit.model.events import Stream
from swarmgit.model.failures import FailedStep, Step
from swarmgit.model.health import Hearing, Triage, Vitals
from swarmgit.model.ids import CommitId, ConvoyId, TaskId
from swarmgit.model.incidents import Alert
from swarmgit.model.mail import Letter, Outbox, Posted
from swarmgit.model.observed import Lack
from swarmgit.model.queue import Rejected
from swarmgit.model.secrets import Leak
from swarmgit.model.usage import Usage
from swarmgit.model.work import TAMPERED, Pushed
from swarmgit.plan import failure_words, mail, ports, watchdog
from swarmgit.plan.incidents import detect, infrastructure
from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.plan.incidents.kind import IncidentKind, facts_in, facts_of
from swarmgit.plan.situation import Draft, Situation

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
A = task("a")


def seen(made: Life, draft: Draft | None = None, now: Any = None) -> list[Alert]:
    """Return what a look at a swarm finds."""
    situation = Situation.of(made.desired, made.swarm, made.observed, now or made.now, frozenset(), apply_now=False)
    draft = draft or Draft()
    detect.report(situation, draft)
    infrastructure.report(situation, draft)
    watchdog.patrol(situation, draft)
    return draft.alerts


def at_work(**fields: Any) -> Life:
    made = life(A, ends=never_ends, swarm={"watchdog": WatchdogConfig(WatchdogLimits(), swarm_disk_mb=10)})
    made.tick()
    (session,) = made.working()
    made._session(replace(session, **fields))
    return made


def by_what_is_measured() -> Iterable[Alert]:
    for vitals in ({"disk_mb": 20.0}, {"failed": "KeyError"}, {"uncounted": "has no end"}):
        yield from seen(at_work(vitals=Vitals(START, 1.0, 1.0, **vitals)))
    yield from seen(at_work(), now=START + timedelta(days=1))


def by_what_is_printed() -> Iterable[Alert]:
    most = Usage(input_tokens=10, usd=2.0)
    yield from seen(at_work(hearing=Hearing(deaf="the reader broke")))
    yield from seen(at_work(stream=Stream(misread=3, misread_as="KeyError: x"), hearing=Hearing(was_rewritten=True)))
    yield from seen(at_work(state="ended", hearing=Hearing(passed_over=9 << 20)))
    yield from seen(at_work(stream=Stream(usage=Usage(5, usd=99.0)), ceiling=most))


def by_attempts() -> Iterable[Alert]:
    made = at_work()
    (session,) = made.working()
    made.see(statuses={})
    made.tick()
    status, draft = made.status("a"), Draft()
    for outcome in ("timeout", "lost", "over-budget", "output-limit", "disk-limit", "refused", "error", "failed"):
        attempt = replace(status.attempts[0], outcome=outcome, reason="why", salvage="refs/swarm/salvage/a/s")
        draft.views[TaskId("a")] = replace(status, attempts=(replace(attempt, reason=f"why {outcome}"),))
        made.see(statuses={})
        yield from seen(made, draft)
    for ends in (
        {"cause": "cause/set-up"},
        {"cause": "cause/worktree"},
        {"stderr_tail": "Address already in use"},
        {"stderr_tail": "No space left on device"},
    ):
        made._session(replace(session, state="ended", **ends))
        yield from seen(made, draft)
    made.end_sessions()
    made._finish(made.observed.sessions[session.spec.id])
    ended = made.observed.sessions[session.spec.id]
    assert ended.capture is not None
    made._session(replace(ended, capture=replace(ended.capture, objections=(TAMPERED,), tampered=("main is gone",))))
    yield from seen(made, draft)
    lost = replace(status.attempts[0], outcome="lost", head=CommitId("gone"))
    draft.views[TaskId("a")] = replace(status, attempts=(lost,))
    made.see(missing={CommitId("gone"): Lack("absent", "commit gone is not there")})
    yield from seen(made, draft)


def by_the_watchdog() -> Iterable[Alert]:
    (session,) = at_work().working()
    stuck = watchdog._stuck(A, session, Triage("stalled", "why", "restart"))
    prompt = watchdog._stuck(A, session, Triage("prompt_blocked", "why", "restart"))
    memory = watchdog._too_much(A, session, Triage("working", "why", "restart"), "memory")
    disk = watchdog._too_much(A, session, Triage("working", "why", "restart"), "disk")
    for alert in (stuck, prompt, memory, disk):
        yield from (alert, replace(alert, kind=f"{alert.kind}/merge"))


def by_steps() -> Iterable[Alert]:
    step = FailedStep(Step("StartSession", TaskId("a")), "no such #", "no such 1", START, START)
    yield failure_words.alert(step)
    for cause in ("cause/set-up", "cause/worktree"):
        yield failure_words.alert(replace(step, signature=cause))
    for message in ("git: No space left on device", "bind: Address already in use"):
        yield failure_words.alert(replace(step, message=message))


def by_gates_and_the_queue() -> Iterable[Alert]:
    made = life(A, answers=lambda gate, tree: "error")
    for _ in range(9):
        made.tick()
        yield from seen(made)
    made = life(A)
    while not made.observed.entries:
        made.tick()
    (entry,) = made.observed.entries.values()
    rejected = replace(entry, state="rejected", events=(Rejected(at=made.now, rejection="conflict", reason="so"),))
    yield from seen(made, Draft(entries={entry.id: rejected}))
    for answer, hours in ((Pushed("failed", "no route"), 20), (Pushed("rejected", "closed today"), 0)):
        made = life(A, swarm={"push": PushConfig("origin")}, refuses=lambda push, said=answer: said)
        made.known_remote = CommitId("root")
        for _ in range(20):
            made.tick()
            made.now += HOUR if hours else timedelta(0)
        yield from seen(made)
    made.commit_by_hand("mine")
    made.remote_line, made.known_remote = [CommitId("root"), CommitId("theirs")], CommitId("theirs")
    made._see_remote()
    yield from seen(made)


def by_mail() -> Iterable[Alert]:
    made = at_work()
    (session,) = made.working()
    made.see(outboxes={session.spec.id: Outbox(is_flooded=True)}, leaks=(Leak("tasks/a.yaml", "token"),))
    posted = Posted("m.json", "m", Letter(("b",), "s", type="question", sender="swarmgit"))
    yield from seen(made, Draft())
    made.see(outboxes={session.spec.id: Outbox(posted=(posted,))})
    draft = Draft()
    situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
    mail.collect(situation, draft)
    ports.wait(situation, draft, TaskId("a"))
    yield from draft.alerts


def by_money() -> Iterable[Alert]:
    both = ConvoyId("both")
    made = life(
        task("a", convoy=both),
        task("b", convoy=both, depends_on=(TaskId("c"),)),
        swarm={"budget": SwarmBudget(usd_per_day=1.0)},
    )
    made.ends = lambda session: {**submits(session), "stream": Stream(usage=Usage(9, usd=3.0))}
    made.convoys = {both: Convoy(both, "Both", budget=ConvoyBudget(usd=1.0))}
    made.settle()
    draft = Draft(views=dict(made.observed.statuses))
    yield from seen(made, draft)


BUILDERS = (
    by_what_is_measured,
    by_what_is_printed,
    by_attempts,
    by_the_watchdog,
    by_steps,
    by_gates_and_the_queue,
    by_mail,
    by_money,
)
NOTED = ("act/mail.py", "act/rescue.py", "app/beside.py", "app/recovery.py", "wiring/reading.py")
"""Where incidents are noted for the next tick, each with its facts in the same expression or function."""


def noted() -> Iterator[Alert]:
    """Yield the alerts of those places as they are written: their kinds, with the names of their facts."""
    for name in NOTED:
        tree = ast.parse((ROOT / "swarmgit" / name).read_text(encoding="utf-8"))
        for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
            made = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Alert"]
            known = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "facts"]
            for call in made:
                kind = call.args[0]
                assert isinstance(kind, ast.Constant)
                own = {each.arg: "x" for each in call.keywords if each.arg in {"agent", "task", "session"}}
                facts = {word.arg or "": "x" for each in known for word in each.keywords}
                yield Alert(str(kind.value), facts=facts, **own)  # type: ignore[arg-type]


def test_every_kind_is_made_to_happen_and_its_facts_fill_its_texts() -> None:
    alerts = [*noted(), *(alert for build in BUILDERS for alert in build())]
    assert CATALOGUE.keys() - {alert.kind for alert in alerts} == set()
    lacking = {
        alert.kind: names for alert in alerts if (names := needed(CATALOGUE[alert.kind]) - facts_of(alert).keys())
    }
    assert lacking == {}


def needed(kind: IncidentKind) -> set[str]:
    """Return the facts that a kind cannot do without; of its commands one at least has all that it needs."""
    texts = (kind.title, kind.what, kind.signature, kind.key, kind.cause, kind.resolution, *kind.prevention)
    return {name for text in texts for name in facts_in(text)} - {"hint"}


def commands() -> list[str]:
    said = {each for kind in CATALOGUE.values() for each in kind.commands}
    return sorted(each for each in said if each.startswith("swarmgit "))


@pytest.mark.parametrize("command", commands())
def test_every_command_of_an_incident_is_one_of_the_command_line(command: str) -> None:
    parse(shlex.split(command.format_map(dict.fromkeys(facts_in(command), "a")))[1:])


def parse(words: list[str]) -> None:
    """Parse a command line as click does, and run nothing."""
    group: click.Command = cli
    context = group.make_context("swarmgit", words)
    while isinstance(group, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = group.resolve_command(context, rest)
        assert found is not None
        group, context = found, found.make_context(name, rest, parent=context)


def test_an_incident_always_has_a_command_that_helps() -> None:
    assert [kind.name for kind in CATALOGUE.values() if not kind.commands] == []


def test_the_page_of_incidents_is_the_catalogues() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "make_incidents.py"))["page"]()
    assert (ROOT / "docs" / "incidents.md").read_text(encoding="utf-8") == page, "run python docs/make_incidents.py"
