"""One governor per account: what waits, until when, and what it costs nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from values import START, Life, life, submits, task

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Runtime, Tier
from swarmgit.model.events import Fault, Limited, Stream
from swarmgit.model.status import CHARGED
from swarmgit.model.work import Session
from swarmgit.plan.governor import LIMIT_S, STAGGER_S, account_of

TIERS = {"standard": Tier("claude-code", "sonnet"), "fast": Tier("codex", "gpt-5.5")}
ENDED = {"exit_code": 1, "paths": ()}


def ends_once(fault: Fault, *names: str) -> Callable[[Session], dict[str, Any]]:
    """The first session of each named task (or of all) ends with a fault; every other one does its work."""

    def end(session: Session) -> dict[str, Any]:
        if session.spec.attempt == 1 and (not names or session.spec.task in names):
            paths = (f"{session.spec.task}.txt",)
            return {**ENDED, "paths": paths, "stream": Stream(fault=fault, conversation="c1", is_complete=True)}
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


def test_one_limit_holds_every_session_of_the_account_and_no_other() -> None:
    made = swarm_of("a", "b", ends=ends_once(Fault("rate-limit", "slow down", wait_s=100), "a"))
    made.swarm = replace(made.swarm, agents_max=1)
    made.tasks["c"] = task("c", type="mechanical")

    for _ in range(30):
        made.tick()

    assert made.observed.statuses["b"].waiting_for == ("rate limit",)
    assert made.observed.statuses["b"].attempts == ()
    assert made.observed.statuses["c"].phase == "landed"


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


def test_refused_credentials_hold_the_account_until_a_person_starts_the_reconciler_again() -> None:
    made = swarm_of("a", "b", ends=ends_once(Fault("auth", "401", remedy="set THE_KEY"), "a"))
    made.swarm = replace(made.swarm, agents_max=1)

    decided = made.settle()

    statuses = made.observed.statuses
    assert (statuses["a"].phase, statuses["b"].waiting_for) == ("needs-human", ("credentials",))
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
