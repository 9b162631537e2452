"""One governor per account: what waits, until when, and what it costs nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from values import START, Life, life, submits, task

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Runtime, Tier
from swarmgit.model.endings import CHARGED
from swarmgit.model.events import Fault, Limited, Stream
from swarmgit.model.sessions import Session
from swarmgit.plan.accounts import LIMIT_MAX, account_of
from swarmgit.plan.governor import LIMIT_S, STAGGER_S

TIERS = {"standard": Tier("claude-code", "sonnet"), "fast": Tier("codex", "gpt-5.5")}
ENDED = {"exit_code": 1, "paths": ()}


def ends_once(fault: Fault, *names: str) -> Callable[[Session], dict[str, Any]]:
    """The first session of each named task (or of all) ends with a fault; every other one does its work."""

    def end(session: Session) -> dict[str, Any]:
        if session.spec.attempt == 1 and (not names or session.spec.task in names):
            paths = (f"{session.spec.task}.txt",)
            return {
                **ENDED,
                "paths": paths,
                "stream": Stream(fault=fault, conversation="c1", is_complete=True, speaks_for="account"),
            }
        return submits(session)

    return end


def swarm_of(*names: str, ends: Callable[[Session], dict[str, Any]], **fields: Any) -> Life:
    made = life(*(task(name, **fields) for name in names), swarm={"tiers": TIERS, "attempts_max": 1})
    made.ends = ends
    return made


def starts(made: Life) -> list[StartSession]:
    return [action for action in made.did if isinstance(action, StartSession)]


def test_runtimes_share_an_account_by_word_by_address_or_by_provider() -> None:
    assert account_of(Runtime("a", "claude-code")) == "anthropic"
    assert account_of(Runtime("a", "codex", env={"OPENAI_BASE_URL": "http://x/v1"})) == "http://x/v1"
    assert account_of(Runtime("a", "codex", account="work")) == account_of(Runtime("b", "qwen", account="work"))


def test_a_limited_session_goes_on_after_the_stated_time_and_uses_up_no_attempt() -> None:
    made = swarm_of("a", ends=ends_once(Fault("rate-limit", "slow down", wait_s=60)))

    made.settle()

    status = made.observed.statuses["a"]
    first, second = status.attempts
    assert (status.phase, first.outcome, first.outcome in CHARGED) == ("landed", "rate-limited", False)
    assert first.retry_at is not None
    assert first.ended is not None
    assert timedelta(seconds=60) <= first.retry_at - first.ended <= timedelta(seconds=65)
    assert second.started >= first.retry_at


def test_the_same_conversation_goes_on_from_the_same_base_with_the_work_so_far() -> None:
    made = swarm_of("a", ends=ends_once(Fault("rate-limit", "slow down", wait_s=1)))

    made.settle()

    first, second = starts(made)
    assert (first.spec.resume, second.spec.resume, second.spec.base) == (None, "c1", first.spec.base)
    assert (first.spec.home, second.spec.home) == (None, first.spec.id)
    assert second.carry_paths == ("a.txt",)
    assert "interrupted" in second.prompt


def test_a_changed_task_starts_a_new_conversation() -> None:
    made = swarm_of("a", ends=ends_once(Fault("rate-limit", "slow down", wait_s=30)))
    for _ in range(8):
        made.tick()
    made.tasks = {"a": replace(made.tasks["a"], generation="g2")}

    made.settle()

    assert [start.spec.resume for start in starts(made)] == [None, None]


def test_a_limit_that_two_sessions_tell_holds_the_account_and_no_other() -> None:
    made = swarm_of("a", "b", "d", ends=ends_once(Fault("rate-limit", "slow down", wait_s=100), "a", "b"))
    made.swarm = replace(made.swarm, agents_max=1)
    made.tasks["c"] = task("c", type="mechanical")

    for _ in range(30):
        made.tick()

    assert made.observed.statuses["d"].waiting_for == ("rate limit",)
    assert made.observed.statuses["d"].attempts == ()
    assert made.observed.statuses["c"].phase == "landed"


@pytest.mark.parametrize("fault", [Fault("rate-limit", "slow down", wait_s=1000), Fault("auth", "401")])
def test_what_one_session_alone_says_of_its_account_the_next_one_finds_out(fault: Fault) -> None:
    made = swarm_of("a", "b", "d", ends=ends_once(fault, "a"))
    made.swarm = replace(made.swarm, agents_max=1)
    waits = set()

    for _ in range(40):
        made.tick()
        waits |= {made.observed.statuses[name].reason for name in "bd" if name in made.observed.statuses}

    assert {name: made.observed.statuses[name].phase for name in "bd"} == {"b": "landed", "d": "landed"}
    assert made.observed.statuses["a"].phase != "landed"


def test_while_one_session_finds_out_the_others_wait_for_it() -> None:
    def ends(session: Session) -> dict[str, Any]:
        if session.spec.task == "a":
            stream = Stream(fault=Fault("rate-limit", "slow down", wait_s=1000), speaks_for="account")
            return {**ENDED, "stream": stream, "paths": ()}
        return {}

    made = swarm_of("a", ends=ends)
    for _ in range(8):
        made.tick()
    made.tasks |= {name: task(name) for name in "bde"}
    for _ in range(6):
        made.tick()

    assert [session.spec.task for session in made.working()] == ["b"]
    assert "b" in made.observed.statuses["d"].reason or "finds out" in made.observed.statuses["d"].reason
    assert made.observed.statuses["d"].waiting_for == ("rate limit",)


@pytest.mark.parametrize("fault", [Fault("rate-limit", "slow down", wait_s=10_000_000), Fault("auth", "401")])
def test_what_is_no_programs_own_word_binds_its_task_alone_however_many_say_it(fault: Fault) -> None:
    def ends(session: Session) -> dict[str, Any]:
        liar = session.spec.task in {"a", "b"}
        return {**ENDED, "paths": (), "stream": Stream(fault=fault)} if liar else submits(session)

    made = swarm_of("a", "b", "d", ends=ends)
    made.swarm = replace(made.swarm, agents_max=1)
    for _ in range(60):
        made.tick()

    assert made.observed.statuses["d"].phase == "landed"
    retry_at = made.observed.statuses["a"].attempts[0].retry_at
    assert retry_at is None or retry_at - made.observed.statuses["a"].attempts[0].started <= timedelta(minutes=20)


def test_of_two_that_tell_a_limit_the_shorter_one_holds_and_neither_for_long() -> None:
    def ends(session: Session) -> dict[str, Any]:
        waits = {"a": 500_000.0, "b": 50.0, "d": 500_000.0, "e": 500_000.0}
        if session.spec.attempt > 1 or session.spec.task not in names:
            return submits(session)
        fault = Fault("rate-limit", "slow", wait_s=waits[session.spec.task])
        return {**ENDED, "paths": (), "stream": Stream(fault=fault, speaks_for="account")}

    for names, longest in (("ab", timedelta(minutes=2)), ("de", LIMIT_MAX + timedelta(minutes=6))):
        made = swarm_of(*names, ends=ends)
        for _ in range(8):
            made.tick()
        made.tasks["c"] = task("c")
        for step in (timedelta(minutes=1), LIMIT_MAX, timedelta(0)):
            for _ in range(100):
                made.tick()
            made.now += step
        assert made.observed.statuses["c"].phase == "landed"
        assert made.observed.statuses["c"].attempts[0].started - START <= longest


def test_paused_sessions_go_on_one_after_the_other() -> None:
    names = tuple("abcdef")
    made = swarm_of(*names, ends=ends_once(Fault("rate-limit", "slow down", wait_s=60)))

    made.settle()

    assert {s.phase for s in made.observed.statuses.values()} == {"landed"}
    begun = sorted(s.attempts[1].started for s in made.observed.statuses.values())
    assert timedelta(seconds=2) <= begun[-1] - begun[0] <= timedelta(seconds=STAGGER_S * 5 + 10)


def test_without_a_stated_time_the_wait_grows_each_time_in_a_row() -> None:
    made = swarm_of("a", ends=lambda _: {**ENDED, "stream": Stream(fault=Fault("rate-limit", "no"), is_complete=True)})

    for _ in range(60):
        made.tick()

    waits = [(a.retry_at - a.ended).total_seconds() for a in made.observed.statuses["a"].attempts if a.retry_at]  # type: ignore[operator]
    assert waits == sorted(waits)
    assert LIMIT_S <= waits[0] < waits[1] / 1.5


def test_a_stated_time_that_is_wrong_again_and_again_is_not_believed() -> None:
    limit = Fault("rate-limit", "reset", until=START)
    made = swarm_of("a", ends=lambda _: {**ENDED, "stream": Stream(fault=limit, is_complete=True)})

    for _ in range(120):
        made.tick()

    assert len(made.observed.statuses["a"].attempts) < 8


def test_waiting_for_a_limit_is_not_settled_and_needs_nobody() -> None:
    made = swarm_of("a", ends=ends_once(Fault("rate-limit", "slow down", wait_s=1000)))
    for _ in range(10):
        decided = made.tick()

    assert (decided.is_settled, decided.needs_person) == (False, False)
    assert made.observed.statuses["a"].reason.startswith("rate-limited: anthropic asks for a pause")


def test_credentials_that_two_sessions_say_are_refused_hold_the_account_until_a_person_starts_again() -> None:
    made = swarm_of("a", "b", "d", ends=ends_once(Fault("auth", "401", remedy="set THE_KEY"), "a", "b"))
    made.swarm = replace(made.swarm, agents_max=1)

    decided = made.settle()

    statuses = made.observed.statuses
    assert (statuses["a"].phase, statuses["b"].phase) == ("needs-human", "needs-human")
    assert statuses["d"].waiting_for == ("credentials",)
    assert "set THE_KEY" in statuses["a"].reason
    assert (decided.is_settled, decided.needs_person) == (True, True)

    made.see(trusted_since=made.now + timedelta(seconds=1))
    made.settle()

    assert {s.phase for s in made.observed.statuses.values()} == {"landed"}


def test_what_passes_by_itself_is_tried_again_a_bounded_number_of_times() -> None:
    made = swarm_of("a", ends=lambda _: {**ENDED, "stream": Stream(fault=Fault("transient", "529"), is_complete=True)})

    made.settle(ticks_max=2000)

    status = made.observed.statuses["a"]
    assert (status.phase, len(status.attempts)) == ("needs-human", 6)


def test_a_program_that_says_nothing_at_its_end_was_cut_off_whatever_its_exit_code() -> None:
    def ends(session: Session) -> dict[str, Any]:
        if session.spec.attempt == 1:
            return {"exit_code": 0, "paths": (), "stream": Stream(is_complete=False)}
        return submits(session)

    made = swarm_of("a", ends=ends)
    made.settle()

    assert [a.outcome for a in made.observed.statuses["a"].attempts] == ["lost", "landed"]


def test_an_error_counts_although_the_program_ends_with_0() -> None:
    made = swarm_of(
        "a", ends=lambda _: {"exit_code": 0, "paths": ("a.txt",), "stream": Stream(fault=Fault("other", "no"))}
    )
    made.settle()

    assert made.observed.statuses["a"].phase == "failed"


def test_a_live_session_that_sits_out_a_limit_is_seen_until_when() -> None:
    made = swarm_of("a", ends=lambda _: {})
    made.tick()
    made.tick()
    (session,) = made.working()
    waiting = replace(session, stream=Stream(limited=Limited(wait_s=40)), last_output=START)

    assert waiting.limited_until == START + timedelta(seconds=40)
    assert session.limited_until is None
