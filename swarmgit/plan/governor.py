"""One governor per provider account, shared by all sessions: who waits for a rate limit, and until when.

What it knows is in state: attempts that ended with a limit, each with the instant from which on it may go on. So a new
process waits for the same instants. Waiting is no failure, uses up no attempt, and ends by itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile

from msgspec import Struct

from swarmgit.model.desired import Runtime, Task
from swarmgit.model.endings import AttemptOutcome
from swarmgit.model.events import Fault
from swarmgit.model.ids import SessionId, TaskId
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt, Rejection, TaskStatus
from swarmgit.plan import accounts, agents, books, rejections
from swarmgit.plan.situation import Draft, Situation, session_ended
from swarmgit.plan.times import is_ahead

LIMIT_S, LIMIT_S_MAX = 5.0, 900.0
RETRY_S, RETRY_S_MAX = 2.0, 60.0
JITTER_SHARE, JITTER_S_MAX = 0.1, 5.0
STAGGER_S, STAGGER_S_MAX = 2.0, 60.0
"""How long to wait where nobody says: doubled each time in a row. Sessions that were paused together go on one after
the other, so that the first of them finds out for the others whether the limit is gone."""

Answer = tuple[AttemptOutcome, str, Rejection | None]


class Holds(Struct):
    """What keeps sessions from starting, by account. `crowd`: tasks that want to start on it."""

    standings: dict[str, accounts.Standing]
    crowd: Mapping[str, int]

    def of(self, account: str) -> accounts.Standing:
        """Return how an account stands; nobody says anything of most."""
        return self.standings.get(account) or accounts.Standing()


def outcome_of(fault: Fault, session: ProgramSession) -> Answer:
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
    in_a_row = _in_a_row(outcome == attempt.outcome for outcome in reversed(before))
    if attempt.outcome == "rate-limited":
        wait_s = _limit_s(fault, ended, in_a_row, attempt.speaks_for)
    elif attempt.outcome == "transient":
        wait_s = min(RETRY_S_MAX, RETRY_S * 2 ** min(in_a_row, 20))
    else:
        return None
    return ended + timedelta(seconds=wait_s + _jitter_s(wait_s, attempt.session))


def pause_of(situation: Situation, session: ProgramSession) -> datetime | None:
    """Return until when the account of a session beside a task's attempts waits; None where nobody asked for that."""
    fault, status = session.stream.fault, situation.observed.statuses.get(session.spec.task)
    if fault is None or fault.kind != "rate-limit":
        return None
    ended = session_ended(session, situation.now)
    in_a_row = _in_a_row(aside.retry_at is not None for aside in reversed(status.asides)) if status else 0
    wait_s = _limit_s(fault, ended, in_a_row, session.stream.speaks_for)
    return ended + timedelta(seconds=wait_s + _jitter_s(wait_s, session.spec.id))


def keep_aside(situation: Situation, draft: Draft, session: ProgramSession, outcome: str) -> None:
    """Record what a session beside a task's attempts has used; a command that makes files again has used nothing."""
    retry_at = pause_of(situation, session)
    if session.stream.usage.tokens or retry_at:
        draft.keep_aside(session.spec.task, books.aside_of(session, outcome, situation.now, retry_at))


def _in_a_row(latest_first: Iterable[bool]) -> int:
    return sum(1 for _ in takewhile(bool, latest_first))


def _limit_s(fault: Fault | None, ended: datetime, in_a_row: int, speaks_for: str) -> float:
    stated = _stated_s(fault, ended, accounts.OWN_PAUSE_S_MAX[speaks_for])
    grown = min(LIMIT_S_MAX, LIMIT_S * 2 ** min(in_a_row, 20))
    # a stated time that has passed already, or was wrong last time, is no reason to ask again and again
    return grown if stated is None else max(stated, grown / 2 if in_a_row else 0.0)


def _jitter_s(wait_s: float, session: SessionId) -> float:
    return min(JITTER_S_MAX, JITTER_SHARE * wait_s) * _share(session)


def _task_of(situation: Situation, attempt: Attempt) -> TaskId:
    session = situation.observed.sessions.get(attempt.session)
    return (session.spec.task if session else None) or TaskId("")


def _stated_s(fault: Fault | None, ended: datetime, longest_s: float) -> float | None:
    if fault is None or (fault.wait_s is None and fault.until is None):
        return None
    wait_s = fault.wait_s if fault.until is None else (fault.until - ended).total_seconds()
    return min(longest_s, max(0.0, wait_s or 0.0))


def _share(seed: str) -> float:
    """Return a number in [0, 1) that is always the same for the same name."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big") / (1 << 48)


def holds(situation: Situation, draft: Draft, wanting: Iterable[Task]) -> Holds:
    """Return what holds back the accounts of this swarm now."""
    crowd = Counter(accounts.account_of(agents.runtime_of(situation.swarm, task)[0]) for task in wanting)
    return _holds(situation, draft, crowd) if crowd else Holds({}, {})


def _holds(situation: Situation, draft: Draft, crowd: Mapping[str, int]) -> Holds:
    observed = situation.observed
    statuses = {**observed.statuses, **draft.views}.values()
    facts = accounts.Facts(situation.swarm, statuses, observed.programs, situation.now, observed.trusted_since)
    return Holds(accounts.standings(facts), crowd)


def began(situation: Situation, task: Task, found: Holds) -> None:
    """Note that a session of a task starts: where one session alone says something of its account, it finds out."""
    found.of(accounts.account_of(agents.runtime_of(situation.swarm, task)[0])).prober = task.id


def is_trusted_again(situation: Situation, last: Attempt) -> bool:
    """Return whether a person has started the reconciler since: so they say that what was refused is repaired."""
    since = situation.observed.trusted_since
    if since is None or last.ended is None:
        return False
    return last.ended < since or is_ahead(last.ended, situation.now)


def wait(situation: Situation, draft: Draft, task: Task, found: Holds) -> Reason | None:
    """Return what a task waits for before it may use its provider; None when it may."""
    status = draft.views.get(task.id)
    account = accounts.account_of(agents.runtime_of(situation.swarm, task)[0])
    standing = found.of(account)
    refused = _refused(draft, account, standing)
    if refused is not None:
        return refused
    paused = _own_pause(situation, status)
    release = max(filter(None, (paused, _release(task.id, account, found))), default=None)
    if release is None or release <= situation.now:
        return _doubt(draft, account, standing)
    draft.wake_at(release, situation.now)
    draft.is_waiting_for_time = True
    if standing.limited is None and status and status.last and status.last.outcome == "transient":
        text = f"its last session was cut off ({status.last.reason}); it goes on at {_at(release)}"
        return reason("retry", text, task=task.id)
    return _limited(account, release)


def wait_beside(
    situation: Situation, draft: Draft, runtime: Runtime, session: SessionId, task: TaskId
) -> Reason | None:
    """Return what a session beside a task's attempts waits for before it may use its provider; None when it may."""
    account = accounts.account_of(runtime)
    standing = _holds(situation, draft, {account: 1}).of(account)
    refused = _refused(draft, account, standing)
    release = max(filter(None, (standing.limited, _pause_beside(situation, task, account))), default=None)
    if refused is not None or release is None or release <= situation.now:
        return refused or _doubt(draft, account, standing)
    release += timedelta(seconds=STAGGER_S * _share(session))
    draft.wake_at(release, situation.now)
    draft.is_waiting_for_time = True
    return _limited(account, release)


def _limited(account: str, release: datetime) -> Reason:
    return reason("rate limit", f"rate-limited: {account} asks for a pause; it goes on at {_at(release)}")


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _pause_beside(situation: Situation, task: TaskId, account: str) -> datetime | None:
    """Return until when a task's sessions beside its attempts wait by the word of the last one."""
    status = situation.observed.statuses.get(task)
    last = status.asides[-1] if status is not None and status.asides else None
    is_same = last is not None and accounts.named(situation.swarm, last.runtime) == account
    return _until(situation, last.ended, last.retry_at) if last is not None and is_same else None


def _refused(draft: Draft, account: str, standing: accounts.Standing) -> Reason | None:
    who = standing.refused
    if who is None:
        return None
    draft.needs_person = True
    text = f"{account} refused the session of {who}; see `swarmgit why {who}`, then reconcile again"
    return reason("credentials", text)


def _doubt(draft: Draft, account: str, standing: accounts.Standing) -> Reason | None:
    """Return that another session finds out whether it is so what one alone has said; None: this one does."""
    doubt = standing.doubt
    if doubt is None or not standing.prober:
        return None
    said = "asks for a pause" if doubt.kind == "limit" else "refuses"
    draft.is_waiting_for_time = True
    text = f"the session of {doubt.task} says that {account} {said}; {standing.prober} finds out whether that is so"
    waits_for = ("rate limit" if doubt.kind == "limit" else "credentials",)
    return reason("account in doubt", text, waits_for, other=standing.prober)


def _own_pause(situation: Situation, status: TaskStatus | None) -> datetime | None:
    last = status.last if status else None
    if last is None or status is None or last.number < status.window:
        return None
    return _until(situation, last.ended, last.retry_at)


def _until(situation: Situation, began: datetime | None, until: datetime | None) -> datetime | None:
    """Return the end of a pause; None where the clock was set back since it began: asking again is what tells then."""
    return None if began is not None and is_ahead(began, situation.now) else until


def _release(task: TaskId, account: str, found: Holds) -> datetime | None:
    until = found.of(account).limited
    if until is None:
        return None
    spread_s = min(STAGGER_S_MAX, STAGGER_S * (found.crowd.get(account, 1) - 1))
    return until + timedelta(seconds=spread_s * _share(task))
