"""One governor per provider account, shared by all sessions: who waits for a rate limit, and until when.

What it knows is in state: attempts that ended with a limit, each with the instant from which on it may go on. So a new
process waits for the same instants. Waiting is no failure, uses up no attempt, and ends by itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from swarmgit.model.desired import Runtime, Swarm, Task
from swarmgit.model.events import Fault
from swarmgit.model.ids import SessionId, TaskId
from swarmgit.model.status import Attempt, AttemptOutcome, Rejection, TaskStatus
from swarmgit.model.work import Session
from swarmgit.plan import agents, rejections
from swarmgit.plan.situation import Draft, Situation, session_ended
from swarmgit.plan.times import is_ahead

LIMIT_S, LIMIT_S_MAX = 5.0, 900.0
RETRY_S, RETRY_S_MAX = 2.0, 60.0
STATED_S_MAX = 8 * 86_400.0
JITTER_SHARE, JITTER_S_MAX = 0.1, 5.0
STAGGER_S, STAGGER_S_MAX = 2.0, 60.0
"""How long to wait where nobody says: doubled each time in a row. Sessions that were paused together go on one after
the other, so that the first of them finds out for the others whether the limit is gone."""

PROVIDERS: Mapping[str, str] = {"claude-code": "anthropic", "codex": "openai", "gemini": "google"}
ADDRESSES = ("BASE_URL", "API_BASE")

Answer = tuple[AttemptOutcome, str, Rejection | None]
Waits = tuple[str, str]


class Holds(Struct):
    """What keeps sessions from starting, by account. `crowd`: tasks that want to start on it."""

    until: dict[str, datetime]
    refused: dict[str, str]
    crowd: dict[str, int]


def account_of(runtime: Runtime) -> str:
    """Return the account whose limits a runtime's sessions share: the configured one, its address, its provider."""
    address = next((value for name, value in sorted(runtime.env.items()) if name.endswith(ADDRESSES)), None)
    return runtime.account or address or PROVIDERS.get(runtime.adapter, runtime.adapter)


def outcome_of(fault: Fault, session: Session) -> Answer:
    """Return what a fault makes of a session's attempt: who has to act, a person, time, or the next agent."""
    match fault.kind:
        case "auth" | "config":
            remedy = f"; {fault.remedy}" if fault.remedy else ""
            return "refused", f"{session.spec.runtime}: {fault.message}{remedy}", None
        case "rate-limit":
            return "rate-limited", f"rate-limited: {fault.message}", None
        case "transient" | "conversation":
            return "transient", fault.message, None
        case _:
            rejection = rejections.by_fault(fault, session)
            return "failed", rejection.summary, rejection


def retry_at(situation: Situation, attempt: Attempt, fault: Fault | None) -> datetime | None:
    """Return the instant before which nothing goes on after a pause; None for any other end."""
    ended = attempt.ended or situation.now
    status = situation.observed.statuses.get(_task_of(situation, attempt))
    before = [a.outcome for a in status.attempts if a.session != attempt.session] if status else []
    in_a_row = 0
    while in_a_row < len(before) and before[-1 - in_a_row] == attempt.outcome:
        in_a_row += 1
    if attempt.outcome == "rate-limited":
        wait_s = _limit_s(fault, ended, in_a_row)
    elif attempt.outcome == "transient":
        wait_s = min(RETRY_S_MAX, RETRY_S * 2 ** min(in_a_row, 20))
    else:
        return None
    return ended + timedelta(seconds=wait_s + _jitter_s(wait_s, attempt.session))


def pause_of(situation: Situation, session: Session) -> datetime | None:
    """Return until when the account of a session beside a task's attempts waits; None where nobody asked for that."""
    fault, status = session.stream.fault, situation.observed.statuses.get(session.spec.task or TaskId(""))
    if fault is None or fault.kind != "rate-limit":
        return None
    ended = session_ended(session, situation.now)
    before = [aside.retry_at for aside in status.asides] if status else []
    in_a_row = 0
    while in_a_row < len(before) and before[-1 - in_a_row] is not None:
        in_a_row += 1
    wait_s = _limit_s(fault, ended, in_a_row)
    return ended + timedelta(seconds=wait_s + _jitter_s(wait_s, session.spec.id))


def _limit_s(fault: Fault | None, ended: datetime, in_a_row: int) -> float:
    stated = _stated_s(fault, ended)
    grown = min(LIMIT_S_MAX, LIMIT_S * 2 ** min(in_a_row, 20))
    # a stated time that has passed already, or was wrong last time, is no reason to ask again and again
    return grown if stated is None else max(stated, grown / 2 if in_a_row else 0.0)


def _jitter_s(wait_s: float, session: SessionId) -> float:
    return min(JITTER_S_MAX, JITTER_SHARE * wait_s) * _share(session)


def _task_of(situation: Situation, attempt: Attempt) -> TaskId:
    session = situation.observed.sessions.get(attempt.session)
    return (session.spec.task if session else None) or TaskId("")


def _stated_s(fault: Fault | None, ended: datetime) -> float | None:
    if fault is None or (fault.wait_s is None and fault.until is None):
        return None
    wait_s = fault.wait_s if fault.until is None else (fault.until - ended).total_seconds()
    return min(STATED_S_MAX, max(0.0, wait_s or 0.0))


def _share(seed: str) -> float:
    """Return a number in [0, 1) that is always the same for the same name."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big") / (1 << 48)


def holds(situation: Situation, draft: Draft, wanting: Iterable[Task]) -> Holds:
    """Return what holds back the accounts of this swarm now."""
    crowd = Counter(account_of(agents.runtime_of(situation.swarm, task)[0]) for task in wanting)
    return _holds(situation, draft, crowd) if crowd else Holds({}, {}, {})


def _holds(situation: Situation, draft: Draft, crowd: dict[str, int]) -> Holds:
    found = Holds({}, {}, crowd)
    for status in {**situation.observed.statuses, **draft.views}.values():
        if status.last is not None:
            _hold(situation, found, status, status.last)
        aside = status.asides[-1] if status.asides else None
        pause = _until(situation, aside.ended, aside.retry_at) if aside is not None else None
        if aside is not None and pause is not None:
            _later(found, _account(situation.swarm, aside.runtime), pause)
    for session in situation.observed.sessions.values():
        until = session.limited_until
        if until is not None and until <= situation.now + timedelta(seconds=STATED_S_MAX):
            _later(found, _account(situation.swarm, session.spec.runtime), until)
    return found


def _hold(situation: Situation, found: Holds, status: TaskStatus, last: Attempt) -> None:
    until = _until(situation, last.ended, last.retry_at)
    if last.outcome == "rate-limited" and until is not None:
        _later(found, _account(situation.swarm, last.runtime), until)
    elif last.outcome == "refused" and last.number >= status.window and not is_trusted_again(situation, last):
        found.refused[_account(situation.swarm, last.runtime)] = status.task


def is_trusted_again(situation: Situation, last: Attempt) -> bool:
    """Return whether a person has started the reconciler since: so they say that what was refused is repaired."""
    since = situation.observed.trusted_since
    if since is None or last.ended is None:
        return False
    return last.ended < since or is_ahead(last.ended, situation.now)


def _later(found: Holds, account: str, until: datetime) -> None:
    found.until[account] = max(until, found.until.get(account, until))


def _account(swarm: Swarm, runtime: str) -> str:
    return account_of(swarm.runtimes.get(runtime) or Runtime(runtime, runtime))


def wait(situation: Situation, draft: Draft, task: Task, found: Holds) -> Waits | None:
    """Return what a task waits for before it may use its provider; None when it may."""
    status = draft.views.get(task.id)
    account = account_of(agents.runtime_of(situation.swarm, task)[0])
    refused = _refused(draft, account, found)
    if refused is not None:
        return refused
    paused = _own_pause(situation, status)
    release = max(filter(None, (paused, _release(task.id, account, found))), default=None)
    if release is None or release <= situation.now:
        return None
    draft.wake_at(release, situation.now)
    draft.is_waiting_for_time = True
    at = f"{release:%Y-%m-%d %H:%M:%S} UTC"
    if account not in found.until and status and status.last and status.last.outcome == "transient":
        return "retry", f"its last session was cut off ({status.last.reason}); it goes on at {at}"
    return "rate limit", f"rate-limited: {account} asks for a pause; it goes on at {at}"


def wait_beside(situation: Situation, draft: Draft, runtime: Runtime, session: SessionId) -> Waits | None:
    """Return what a session beside a task's attempts waits for before it may use its provider; None when it may."""
    account = account_of(runtime)
    found = _holds(situation, draft, {account: 1})
    refused = _refused(draft, account, found)
    release = found.until.get(account)
    if refused is not None or release is None or release <= situation.now:
        return refused
    release += timedelta(seconds=STAGGER_S * _share(session))
    draft.wake_at(release, situation.now)
    draft.is_waiting_for_time = True
    return "rate limit", f"rate-limited: {account} asks for a pause; it goes on at {release:%Y-%m-%d %H:%M:%S} UTC"


def _refused(draft: Draft, account: str, found: Holds) -> Waits | None:
    if account not in found.refused:
        return None
    draft.needs_person = True
    who = found.refused[account]
    return "credentials", f"{account} refused the session of {who}; see `swarmgit why {who}`, then reconcile again"


def _own_pause(situation: Situation, status: TaskStatus | None) -> datetime | None:
    last = status.last if status else None
    if last is None or status is None or last.number < status.window:
        return None
    return _until(situation, last.ended, last.retry_at)


def _until(situation: Situation, began: datetime | None, until: datetime | None) -> datetime | None:
    """Return the end of a pause; None where the clock was set back since it began: asking again is what tells then."""
    return None if began is not None and is_ahead(began, situation.now) else until


def _release(task: TaskId, account: str, found: Holds) -> datetime | None:
    until = found.until.get(account)
    if until is None:
        return None
    spread_s = min(STAGGER_S_MAX, STAGGER_S * (found.crowd.get(account, 1) - 1))
    return until + timedelta(seconds=spread_s * _share(task))
