"""Limits on money and tokens: who is stopped, who does not start, and that unknown is never free."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from values import Life, life, submits, task

from swarmgit.model.actions import StopSession
from swarmgit.model.desired import Budget, SwarmBudget
from swarmgit.model.events import Stream
from swarmgit.model.ids import SessionId
from swarmgit.model.queue import Unresolved
from swarmgit.model.sessions import Session
from swarmgit.model.status import Attempt
from swarmgit.model.usage import Usage
from swarmgit.plan.books import Books, own_usage
from swarmgit.plan.budget import TOKENS_UNPRICED, purse, spent_by


def costing(usd: float | None, tokens: int = 100) -> Any:
    return lambda session: {**submits(session), "stream": Stream(usage=Usage(tokens, 0, 0, 0, usd))}


def swarm_of(*names: str, budget: SwarmBudget, ends: Any, **fields: Any) -> Life:
    made = life(*(task(name, **fields) for name in names), swarm={"budget": budget, "agents_max": 1})
    made.ends = ends
    return made


def at_work(made: Life, usage: Usage) -> Session:
    """Let the one session at work have used so much."""
    made.ends = lambda _: {}
    for _ in range(3):
        made.tick()
    (session,) = made.working()
    made.see(sessions={session.spec.id: replace(session, stream=Stream(usage=usage))})
    return session


def stops(made: Life) -> list[str]:
    return [action.stop.text for action in made.decide().actions if isinstance(action, StopSession)]


def test_a_session_over_its_tokens_is_stopped_and_its_work_goes_into_the_next_attempt() -> None:
    made = swarm_of("a", budget=SwarmBudget(tokens_per_session=1000), ends=submits)
    at_work(made, Usage(600, 300, 200))
    assert stops(made) == ["budget: 1100 tokens of 1000 for one session are used"]

    made.tick()
    made.ends = submits
    made.settle()

    first, second = made.observed.statuses["a"].attempts
    assert (first.outcome, second.outcome) == ("over-budget", "landed")
    assert first.rejection is not None
    assert first.rejection.kind == "budget"


def test_the_tasks_own_limit_of_tokens_goes_before_the_swarms() -> None:
    made = life(task("a", budget=Budget(tokens=5000)), swarm={"budget": SwarmBudget(tokens_per_session=10)})
    at_work(made, Usage(600))
    assert stops(made) == []


def test_a_task_over_its_money_is_stopped() -> None:
    made = life(task("a", budget=Budget(usd=0.5)))
    at_work(made, Usage(600, usd=0.51))
    assert stops(made) == ["budget: the task has cost 0.51 of 0.50 USD"]


def test_an_unknown_price_stops_nobody_but_tokens_do() -> None:
    made = life(task("a", budget=Budget(usd=0.5, tokens=700)))
    at_work(made, Usage(600, usd=None))
    assert stops(made) == []
    at = made.working()[0]
    made.see(sessions={at.spec.id: replace(at, stream=Stream(usage=Usage(701)))})
    assert len(stops(made)) == 1


def test_at_an_unknown_price_a_limit_of_money_becomes_one_of_tokens() -> None:
    for limits in (SwarmBudget(usd_per_day=5.0), SwarmBudget(usd_per_task=5.0)):
        made = life(task("a"), swarm={"budget": limits})
        at_work(made, Usage(TOKENS_UNPRICED))
        (reason,) = stops(made)
        assert "at no known price" in reason
    made = life(task("a"))
    at_work(made, Usage(TOKENS_UNPRICED))
    assert stops(made) == []


def test_what_a_task_has_cost_counts_on_with_another_agent_and_anew_after_a_person() -> None:
    made = life(task("a"))
    costs = Usage(10, usd=2.0)
    at_work(made, costs)
    attempts = (replace(made.status("a").attempts[0], outcome="failed", usage=costs),)
    other = replace(made.status("a"), attempts=attempts, window=2)
    assert (spent_by(other), spent_by(replace(other, paid_from=2))) == (2.0, 0.0)


def test_a_day_that_is_used_up_starts_nothing_more_and_says_what_to_do() -> None:
    made = swarm_of("a", "b", budget=SwarmBudget(usd_per_day=1.0), ends=costing(1.2))

    decided = made.settle()

    statuses = made.observed.statuses
    assert (statuses["a"].phase, statuses["b"].waiting_for) == ("landed", ("budget",))
    assert "today's budget of 1.00 USD is spent" in statuses["b"].reason
    assert (decided.is_settled, decided.needs_person) == (True, True)

    made.now += timedelta(days=1)
    made.settle()
    assert made.observed.statuses["b"].phase == "landed"


def test_a_day_is_low_from_the_alert_on_and_counts_sessions_at_no_known_price() -> None:
    budget = SwarmBudget(usd_per_day=1.0, alert_at=0.8)
    made = swarm_of("a", "b", budget=budget, ends=costing(0.45))
    made.settle()
    day = purse(made.swarm, Books(made.observed.statuses.values(), ()), made.now)
    assert (day.is_low, day.is_empty, day.unpriced) == (True, False, 0)

    made = swarm_of("a", budget=budget, ends=costing(None))
    made.settle()
    day = purse(made.swarm, Books(made.observed.statuses.values(), ()), made.now)
    assert (day.spent_usd, day.unpriced) == (0.0, 1)


def test_a_day_counts_the_sessions_that_resolved_conflicts_once() -> None:
    made = swarm_of("a", budget=SwarmBudget(usd_per_day=1.0), ends=costing(0.25))
    made.settle()
    (entry,) = made.observed.entries.values()
    ended = Unresolved(at=made.now, way="ai", reason="", session=SessionId("m1"), tokens=500, usd=0.5)
    entry = replace(entry, events=(*entry.events, ended))
    day = purse(made.swarm, Books(made.observed.statuses.values(), (), (entry,)), made.now)
    assert (day.spent_usd, day.unpriced) == (0.75, 0)


def test_a_task_whose_kind_costs_more_than_it_may_does_not_start() -> None:
    made = swarm_of("a", "b", "c", budget=SwarmBudget(usd_per_task=5.0), ends=costing(2.0))
    made.settle()
    made.tasks["d"] = task("d", budget=Budget(usd=1.0))

    made.settle()

    status = made.observed.statuses["d"]
    assert (status.waiting_for, status.attempts) == (("budget",), ())
    assert "sessions of type implement cost 2.00 USD" in status.reason


def test_a_resumed_session_is_charged_for_its_own_part_of_the_conversation_only() -> None:
    made = life(task("a"))
    session = at_work(made, Usage())
    spec = replace(session.spec, resume="c1")
    before: Attempt = replace(
        made.observed.statuses["a"].attempts[0],
        session="other",
        conversation="c1",
        usage=Usage(100, 10, 5, 1, 0.2),
    )
    stream = Stream(usage=Usage(150, 30, 5, 1, 0.5), usage_covers="conversation")

    own = own_usage(replace(session, spec=spec, stream=stream), [before])

    assert replace(own, usd=round(own.usd or 0, 6)) == Usage(50, 20, 0, 0, 0.3)
    assert own_usage(replace(session, spec=spec, stream=replace(stream, usage_covers="session")), [before]).usd == 0.5
