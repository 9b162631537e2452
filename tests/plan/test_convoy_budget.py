"""A convoy's money and tokens: all its members together, the sessions beside them included."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from swarmgit.model.desired import Convoy, ConvoyBudget, Runtime, SwarmBudget, Tier
from swarmgit.model.events import Fault, Stream
from swarmgit.model.ids import AgentName, ConvoyId, SessionId, TaskId
from swarmgit.model.reasons import Reason
from swarmgit.model.sessions import Session
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.usage import Aside, Usage
from swarmgit.plan import governor
from swarmgit.plan.books import Books, spendings
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.wallets import members, wallets
from tests.plan.values import START, Life, life, submits, task

BOTH = ConvoyId("both")


def costing(usd: float | None, tokens: int = 100) -> Any:
    return lambda session: {**submits(session), "stream": Stream(usage=Usage(tokens, usd=usd))}


def convoy_of(ends: Any, *names: str, **limits: Any) -> Life:
    made = life(*(task(name, convoy=BOTH) for name in names), task("zother"), ends=ends, swarm={"agents_max": 1})
    made.convoys = {BOTH: Convoy(BOTH, "Both", on_failure="continue", budget=ConvoyBudget(**limits))}
    return made


def test_when_its_money_is_used_up_no_session_of_a_member_starts_and_others_go_on() -> None:
    made = convoy_of(costing(0.6), "a", "b", "c", usd=1.0)
    made.settle()
    assert made.phases() == {"a": "landed", "b": "landed", "c": "waiting", "zother": "landed"}
    reason = made.status("c").reason
    assert reason == "convoy both has used 1.20 of 1.00 USD; raise budget in .swarm/convoys/both.yaml"
    (incident,) = [i for i in made.observed.incidents.values() if i.signature == "budget/convoy/both"]
    assert "no session of its tasks starts" in incident.title


def test_tokens_count_where_no_price_is_known() -> None:
    made = convoy_of(costing(None, 600), "a", "b", "c", tokens=1000, usd=5.0)
    made.settle()
    assert made.phases()["c"] == "waiting"
    assert "1200 of 1000 tokens (and 2 sessions whose price is not known)" in made.status("c").reason


def test_a_higher_budget_lets_it_go_on_and_a_new_incident_tells_the_next_time() -> None:
    made = convoy_of(costing(0.6), "a", "b", "c", "d", usd=0.5)
    made.settle()
    made.convoys[BOTH] = replace(made.convoys[BOTH], budget=ConvoyBudget(usd=1.1))
    made.settle()
    assert made.phases() == {"a": "landed", "b": "landed", "c": "waiting", "d": "waiting", "zother": "landed"}
    made.convoys[BOTH] = replace(made.convoys[BOTH], budget=ConvoyBudget(usd=100))
    made.settle()
    assert set(made.phases().values()) == {"landed"}


def test_it_is_low_from_the_alert_on() -> None:
    made = convoy_of(costing(0.45), "a", "b", usd=1.0)
    made.settle()
    wallet = wallets(made.desired, Books(made.observed.statuses.values(), ()))[BOTH]
    assert (wallet.is_low, wallet.is_empty, wallet.spent_usd) == (True, False, 0.9)


def test_members_are_those_it_lists_and_those_that_name_it() -> None:
    made = convoy_of(submits, "a")
    made.convoys[BOTH] = replace(made.convoys[BOTH], tasks=(TaskId("zother"),))
    assert members(made.desired)[BOTH] == ("zother", "a")


def test_members_are_not_archived_while_their_convoy_still_counts_them() -> None:
    made = convoy_of(costing(0.6), "a", "b", "c", usd=1.0)
    made.settle()
    made.now += timedelta(days=30)
    archived = {str(action.path) for action in made.decide().actions if type(action).__name__ == "Archive"}
    assert "tasks/zother.yaml" in archived
    assert "tasks/a.yaml" not in archived


# --- sessions beside a task's attempts -----------------------------------------------------------------------------------


def aside(kind: Any = "triage", usd: float | None = 0.5, **fields: Any) -> Aside:
    given = {"started": START + timedelta(minutes=1), "ended": START + timedelta(minutes=3), **fields}
    usage = Usage(10, usd=usd)
    return Aside(SessionId(f"{kind}-1"), kind, AgentName("triage-01"), "judge", usage=usage, **given)


def test_every_session_is_counted_once_whatever_its_kind() -> None:
    made = life(task("a"), ends=costing(0.25))
    made.settle()
    status = replace(made.status("a"), asides=(aside(),))
    live = made.observed.sessions.values()
    found = list(spendings(Books([status], live, made.observed.entries.values())))
    assert [(each.kind, each.usage.usd) for each in found] == [("agent", 0.25), ("triage", 0.5)]


def test_what_a_triage_costs_counts_for_its_task_and_its_day() -> None:
    judge = {"tiers": {"standard": Tier("script"), "judge": Tier("judge")}}
    made = life(task("a"), task("b"), swarm={**judge, "budget": SwarmBudget(usd_per_task=1.0, usd_per_day=10.0)})
    attempt = Attempt(
        1, SessionId("s"), AgentName("x"), "script", made.line[0], made.tasks[TaskId("a")].generation, START
    )
    lost = replace(attempt, outcome="lost", ended=START, usage=Usage(5, usd=0.6))
    made.see(statuses={TaskId("a"): TaskStatus(TaskId("a"), "Do a", attempts=(lost,), asides=(aside(),))})
    made.tick()
    assert made.status("a").reason.startswith("it has cost 1.10 of 1.00 USD")


def test_a_merger_waits_for_its_own_pause_and_for_one_that_two_told_of_its_account() -> None:
    made = life(task("a"), swarm={"runtimes": {"judge": Runtime("judge", "claude-code")}})
    until = made.now + timedelta(minutes=9)
    told = aside("merge", retry_at=until, speaks_for="account", ended=made.now)
    paused = {
        name: TaskStatus(name, f"Do {name}", phase="failed", asides=(replace(told, session=SessionId(name)),))
        for name in (TaskId("a"), TaskId("b"))
    }

    def wait(runtime: str, adapter: str, name: str) -> tuple[Reason | None, Draft]:
        situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
        draft = Draft()
        found = governor.wait_beside(situation, draft, Runtime(runtime, adapter), SessionId("m"), TaskId(name))
        return found, draft

    made.see(statuses={TaskId("a"): paused[TaskId("a")]})
    own, draft = wait("judge", "claude-code", "a")
    assert own is not None
    assert own.kind == "rate limit"
    assert draft.is_waiting_for_time
    assert wait("judge", "claude-code", "c")[0] is None
    made.see(statuses=paused)
    others, _ = wait("judge", "claude-code", "c")
    assert others is not None
    assert others.kind == "rate limit"
    assert wait("other", "codex", "a")[0] is None


def test_pauses_of_sessions_beside_grow_like_all_others() -> None:
    made = life(task("a"))
    made.tick()
    (session,) = made.working()
    limited = replace(session, stream=Stream(fault=Fault("rate-limit", "slow down")), state="ended", ended=made.now)
    waits = []
    for number in range(3):
        asides = (aside("merge", retry_at=made.now),) * number
        made.see(statuses={TaskId("a"): TaskStatus(TaskId("a"), "Do a", asides=asides)})
        situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
        until = governor.pause_of(situation, limited)
        assert until is not None
        waits.append((until - made.now).total_seconds())
    assert 5 <= waits[0] < 6
    assert 10 <= waits[1] < 12
    assert 20 <= waits[2] < 24
    assert governor.pause_of(situation, Session.of(session.spec, "ended", exit_code=0)) is None
