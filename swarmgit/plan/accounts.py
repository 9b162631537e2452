"""Who may say what about an account: one table, and what follows from it.

A session's word binds that session. An account is held only by what its programs say in channels of their own, where
no model and no tool speaks, and only where a second session says the same: until then one session finds it out for
the others. docs/security.md has the table in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from swarmgit.model.adapters import provider_of
from swarmgit.model.desired import Runtime, Swarm
from swarmgit.model.ids import SessionId, TaskId
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.plan.times import is_ahead

Kind = Literal["limit", "refusal"]


LIMIT_MAX = timedelta(hours=1)
"""A limit holds an account for so long; then one session finds out whether it is still there."""

VOICES: Mapping[Kind, int] = {"limit": 2, "refusal": 2}
"""How many sessions, of different tasks, have to say what holds an account; a refusal holds until a person has started
the reconciler again.

What may hold an account, said by a program (`speaks_for: account`). Nothing else that a session says does: usage
counts up to what its model can have used (`plan/books.py`); windows, models, conversations and words are its own."""

OWN_PAUSE_S_MAX: Mapping[str, float] = {"session": 900.0, "account": 8 * 86_400.0}
"""How long a session's task waits by its own word: by anything that was printed, by its program's own channel."""

PROBE_MAX = timedelta(minutes=5)
"""A session that finds out for others holds them up for so long."""

WORKED = frozenset(
    {"submitted", "landed", "rejected", "no-change", "reported", "timeout", "over-budget", "handed-over", "conflict"}
)
"""Outcomes of sessions whose provider served them."""

ADDRESSES = ("BASE_URL", "API_BASE")


class Claim(Struct, frozen=True):
    """What one session says about its account. `until`: how far a limit goes, None for a refusal."""

    kind: Kind
    account: str
    task: TaskId
    session: SessionId
    at: datetime
    until: datetime | None = None


class Standing(Struct):
    """How an account stands. `limited`: until then; `refused`: the task whose session was refused, too; `doubt`: what
    one session alone says; `prober`: the session or task that finds out whether it is so."""

    limited: datetime | None = None
    refused: TaskId | None = None
    doubt: Claim | None = None
    prober: str = ""


class Facts(Struct, frozen=True):
    """What is known of sessions, ended and live. `trusted_since`: when a person started the reconciler."""

    swarm: Swarm
    statuses: Iterable[TaskStatus]
    sessions: Iterable[ProgramSession]
    now: datetime
    trusted_since: datetime | None = None


class _Seen(Struct, frozen=True):
    """One session of an account. `worked` None: it has not shown yet whether it is served."""

    account: str
    session: SessionId
    started: datetime
    worked: bool | None


def account_of(runtime: Runtime) -> str:
    """Return the account whose limits a runtime's sessions share: the configured one, its address, its provider."""
    address = next((value for name, value in sorted(runtime.env.items()) if name.endswith(ADDRESSES)), None)
    return runtime.account or address or provider_of(runtime.adapter)


def named(swarm: Swarm, runtime: str) -> str:
    """Return the account of a runtime by its name, configured or not (any more)."""
    return account_of(swarm.runtimes.get(runtime) or Runtime(runtime, runtime))


def standings(facts: Facts) -> dict[str, Standing]:
    """Return how every account stands of which anybody says anything."""
    statuses, sessions = tuple(facts.statuses), tuple(facts.sessions)
    by_account: dict[str, list[Claim]] = {}
    for claim in _claims(facts, statuses, sessions):
        if not is_ahead(claim.at, facts.now):  # the clock was set back since: asking again is what tells
            by_account.setdefault(claim.account, []).append(claim)
    if not by_account:
        return {}
    seen = [each for each in _seen(facts, statuses, sessions) if each.account in by_account]
    return {account: _standing(claims, seen, facts.now) for account, claims in by_account.items()}


def _claims(facts: Facts, statuses: Iterable[TaskStatus], sessions: Iterable[ProgramSession]) -> Iterator[Claim]:
    for status in statuses:
        if status.last is not None:
            yield from _of_attempt(facts, status, status.last)
        for aside in status.asides[-1:]:
            if aside.retry_at is not None and aside.speaks_for == "account" and aside.retry_at > facts.now:
                until = min(aside.retry_at, aside.ended + LIMIT_MAX)
                yield Claim("limit", named(facts.swarm, aside.runtime), status.task, aside.session, aside.ended, until)
    for session in sessions:
        limited, at = session.limited_until, session.last_output or session.spec.started
        if limited is not None and limited > facts.now and session.stream.speaks_for == "account":
            account = named(facts.swarm, session.spec.runtime)
            task = session.spec.task or TaskId("")
            yield Claim("limit", account, task, session.spec.id, at, min(limited, at + LIMIT_MAX))


def _of_attempt(facts: Facts, status: TaskStatus, last: Attempt) -> Iterator[Claim]:
    account, at = named(facts.swarm, last.runtime), last.ended or last.started
    if last.speaks_for != "account":
        return
    if last.outcome == "rate-limited" and last.retry_at is not None:
        yield Claim("limit", account, status.task, last.session, at, min(last.retry_at, at + LIMIT_MAX))
    is_believed = facts.trusted_since is None or at >= facts.trusted_since
    if last.outcome == "refused" and last.number >= status.window and is_believed:
        yield Claim("refusal", account, status.task, last.session, at)


def _seen(facts: Facts, statuses: Iterable[TaskStatus], sessions: Iterable[ProgramSession]) -> Iterator[_Seen]:
    ended = {attempt.session for status in statuses for attempt in status.attempts if attempt.outcome != "running"}
    for status in statuses:
        for attempt in status.attempts:
            if attempt.session in ended:
                worked = attempt.outcome in WORKED
                yield _Seen(named(facts.swarm, attempt.runtime), attempt.session, attempt.started, worked)
    for session in sessions:
        spec = session.spec
        if spec.id not in ended:
            yield _Seen(named(facts.swarm, spec.runtime), spec.id, spec.started, _has_worked(session, facts.now))


def _has_worked(session: ProgramSession, now: datetime) -> bool | None:
    """Return whether its provider serves a session; None while it has not shown."""
    stream = session.stream
    if stream.fault is None and stream.limited is None and (stream.usage.tokens or stream.tools):
        return True
    return False if session.is_over or now - session.spec.started >= PROBE_MAX else None


def _standing(claims: list[Claim], seen: list[_Seen], now: datetime) -> Standing:
    """Return what claims about one account come to: those that a later session has disproved count no more.

    A limit that is over still says when it was, so that those who waited go on one after the other.
    """
    found = Standing()
    later = [each for each in seen if each.account == claims[0].account]
    for kind, voices_min in VOICES.items():
        mine = [c for c in claims if c.kind == kind and not any(_disproves(each, c) for each in later)]
        voices = {c.task: c for c in sorted(mine, key=lambda c: c.until or c.at)}
        if len(voices) >= voices_min:
            _confirm(found, kind, tuple(voices.values()))
        standing = [c for c in voices.values() if c.until is None or c.until > now]
        if standing and len(standing) < voices_min:
            found.doubt = found.doubt or standing[-1]
    doubt = found.doubt
    if doubt is not None:
        out = [s for s in later if s.worked is None and s.started > doubt.at and s.session != doubt.session]
        found.prober = out[0].session if out else ""
    return found


def _disproves(seen: _Seen, claim: Claim) -> bool:
    return seen.worked is True and seen.started > claim.at and seen.session != claim.session


def _confirm(found: Standing, kind: Kind, voices: tuple[Claim, ...]) -> None:
    """Hold the account as far as enough voices go: one that goes further is alone in that."""
    if kind == "limit":
        found.limited = voices[-VOICES[kind]].until
    else:
        found.refused = voices[0].task
