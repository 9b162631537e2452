"""What a session printed is read to its end before it counts as ended, and what is wrong with it is told once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from values import Life, life, submits, task

from swarmgit.model.desired import SwarmBudget
from swarmgit.model.events import FileAction, Stream
from swarmgit.model.health import Hearing
from swarmgit.model.ids import BlobId, CommitId, TaskId, TreeId
from swarmgit.model.sessions import Session
from swarmgit.model.usage import Usage
from swarmgit.model.work import Capture, Change
from swarmgit.plan import UNREAD_S, watchdog
from swarmgit.plan.attribution import ACTIONS_MAX, session_lines
from swarmgit.plan.books import Books, is_possible, own_usage
from swarmgit.plan.budget import purse
from swarmgit.plan.situation import PASSED_S, Draft

MOST = Usage(input_tokens=1000, output_tokens=100, usd=2.0)


def at_work(**fields: Any) -> Life:
    made = life(task("a"), swarm={"attempts_max": 1})
    made.ends = lambda _: {}
    made.tick()
    made.tick()
    (session,) = made.working()
    made.see(sessions={session.spec.id: replace(session, **fields)})
    return made


def test_a_session_whose_output_is_not_read_to_its_end_has_not_ended() -> None:
    made = at_work(state="ending", ended=None, exit_code=0, hearing=Hearing(unread=5))
    decided = made.tick()

    assert made.status("a").attempts[-1].outcome == "running"
    assert decided.wake_in_s == UNREAD_S
    assert not decided.is_settled
    (session,) = made.observed.sessions.values()
    assert watchdog.condition(session, made.now, made.swarm.watchdog.limits).health == "done"


def test_output_that_waits_to_be_read_is_looked_at_soon() -> None:
    assert at_work(hearing=Hearing(unread=1)).tick().wake_in_s == UNREAD_S


def test_what_nobody_will_read_is_not_waited_for() -> None:
    wake_in_s = at_work(hearing=Hearing(unread=1, deaf="the reader broke")).tick().wake_in_s
    assert wake_in_s is not None
    assert wake_in_s >= PASSED_S


def test_an_instant_that_has_passed_makes_nobody_race() -> None:
    made, draft = at_work(), Draft(frozenset())
    draft.wake_at(made.now - timedelta(hours=1), made.now)
    draft.wake_at(made.now, made.now)
    draft.wake_at(made.now + timedelta(seconds=1), made.now)
    assert draft.wakes == [PASSED_S, PASSED_S, 1.0]


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"hearing": Hearing(was_rewritten=True)}, "the output of a session was rewritten"),
        ({"stream": Stream(misread=3, misread_as="KeyError: x")}, "an adapter failed on lines that a session printed"),
        ({"hearing": Hearing(deaf="the reader broke")}, "a session cannot be followed"),
        ({"ceiling": MOST, "stream": Stream(usage=Usage(5, usd=99.0))}, "used more than it can have"),
    ],
)
def test_what_is_wrong_with_a_sessions_output_is_one_incident_however_often_it_is_seen(
    fields: dict[str, Any], title: str
) -> None:
    made = at_work(**fields)
    for _ in range(3):
        made.tick()

    found = [each for each in made.observed.incidents.values() if title in each.title]
    assert len(found) == 1


@pytest.mark.parametrize(
    "claimed",
    [
        Usage(10**12, 10**12, 10**12, 10**12, 999_999.0),
        Usage(usd=999_999.0),
        Usage(1001),
        Usage(0, 101),
        Usage(400, 0, 400, 400),
    ],
)
def test_of_what_a_session_says_it_used_so_much_counts_as_it_can_have(claimed: Usage) -> None:
    made = at_work()
    (session,) = made.working()
    told = replace(session, stream=Stream(usage=claimed), ceiling=MOST)

    counted = own_usage(told, ())

    assert is_possible(counted, MOST)
    assert counted.at_least
    assert counted.tokens <= claimed.tokens
    assert own_usage(replace(told, ceiling=None), ()) == claimed


def test_one_session_that_says_it_cost_a_fortune_is_stopped_and_the_day_goes_on() -> None:
    def ends(session: Session) -> dict[str, Any]:
        if session.spec.task != "a":
            return submits(session)
        return {"exit_code": 0, "paths": (), "stream": Stream(usage=Usage(1, usd=999_999.0)), "ceiling": MOST}

    made = life(
        task("a"), task("b"), swarm={"attempts_max": 1, "agents_max": 1, "budget": SwarmBudget(usd_per_day=50.0)}
    )
    made.ends = ends
    made.settle()

    assert made.status("b").phase == "landed"
    assert made.status("a").attempts[0].usage.usd == 2.0


def test_what_a_stopped_session_used_is_the_least_in_its_attempt_its_agents_record_and_the_day() -> None:
    made = life(task("a"), swarm={"attempts_max": 1, "budget": SwarmBudget(usd_per_day=50.0)})
    made.ends = lambda _: {"exit_code": 1, "paths": (), "stream": Stream(usage=Usage(at_least=True))}
    made.settle()

    (attempt,) = made.status("a").attempts
    assert attempt.usage == Usage(at_least=True)
    assert made.observed.identities[attempt.agent].uncounted == 1
    books = Books(made.observed.statuses.values(), ())
    assert purse(made.swarm, books, made.now).unpriced == 1


def test_neither_silence_nor_talk_hides_what_a_session_changed() -> None:
    made = at_work()
    (session,) = made.working()
    (attempt,) = made.status("a").attempts
    ended = attempt.started + timedelta(minutes=1)
    said = (
        FileAction("read", "secret.py"),
        *(FileAction("edit", f"f{number}", attempt.started + timedelta(days=9999)) for number in range(ACTIONS_MAX)),
    )
    new = ("100644", "100644", BlobId("b"), BlobId("c"))
    changes = (Change("secret.py", "M", *new), Change("hidden.py", "A", *new))
    capture = Capture(CommitId("c"), TreeId("t"), attempt.base, changes)
    told = replace(session, stream=Stream(actions=said), capture=capture)

    (file,) = session_lines(replace(attempt, ended=ended, outcome="submitted"), TaskId("a"), told)

    lines = [json.loads(line) for line in file.content.splitlines()]
    actions = [(line["action"], line["file"]) for line in lines if line["type"] == "action"]
    assert {("edit", "secret.py"), ("create", "hidden.py")} <= set(actions)
    assert len(actions) == ACTIONS_MAX
    assert {line["timestamp"] for line in lines} <= {line["timestamp"] for line in lines if line["type"] != "action"}
