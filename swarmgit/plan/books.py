"""What money was spent on: attempts, and the sessions beside them that resolve conflicts or judge what looks stuck."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import UNSET, Struct

from swarmgit.model.ids import AgentName, SessionId, TaskId
from swarmgit.model.queue import Entry, ResolutionEnded
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.usage import Aside, Usage

BESIDE = frozenset({"merge", "triage"})
SENT = ("input_tokens", "cache_read_tokens", "cache_write_tokens")


class Books(Struct, frozen=True):
    """Where it stands what sessions have used: what has ended, what is at work, and how conflicts were resolved."""

    statuses: Iterable[TaskStatus]
    sessions: Iterable[ProgramSession]
    entries: Iterable[Entry] = ()


class Spending(Struct, frozen=True):
    """One session and what it has used so far. `ended` None: it is at work. `kind`: agent, merge or triage."""

    task: TaskId
    session: SessionId
    kind: str
    agent: AgentName
    runtime: str
    model: str | None
    started: datetime
    ended: datetime | None
    usage: Usage
    outcome: str = ""


def spendings(books: Books) -> Iterator[Spending]:
    """Yield every session once, whether state knows its end already or not."""
    known: set[SessionId] = set()
    statuses = {status.task: status for status in books.statuses}
    for status in statuses.values():
        for attempt in status.attempts:
            if attempt.outcome != "running":
                known.add(attempt.session)
                yield _of_record(status.task, "agent", attempt)
        for aside in status.asides:
            known.add(aside.session)
            yield _of_record(status.task, aside.kind, aside)
    for entry in books.entries:
        for event in entry.every(ResolutionEnded):
            found = _of_event(entry, event)
            if found is not None and found.session not in known:
                known.add(found.session)
                yield found
    for session in books.sessions:
        if session.spec.id not in known and (session.spec.kind == "agent" or session.spec.kind in BESIDE):
            yield _of_session(session, statuses)


def _of_record(task: TaskId, kind: str, record: Attempt | Aside) -> Spending:
    return Spending(
        task,
        record.session,
        kind,
        record.agent,
        record.runtime,
        record.model,
        record.started,
        record.ended or record.started,
        record.usage,
        record.outcome,
    )


def _of_event(entry: Entry, event: ResolutionEnded) -> Spending | None:
    """Return what an entry says about a session over its conflict: the only record of those of earlier versions."""
    if not event.tokens or event.session is None:
        return None
    usage = Usage(input_tokens=event.tokens, usd=None if event.usd is UNSET else event.usd)
    agent = event.agent or AgentName("")
    return Spending(entry.task, event.session, "merge", agent, event.runtime, event.model, event.at, event.at, usage)


def _of_session(session: ProgramSession, statuses: Mapping[TaskId, TaskStatus]) -> Spending:
    spec = session.spec
    status = statuses.get(spec.task) if spec.task else None
    return Spending(
        spec.task or TaskId(""),
        spec.id,
        spec.kind,
        spec.agent or AgentName(""),
        spec.runtime,
        spec.model,
        spec.started,
        session.ended if session.is_over else None,
        own_usage(session, status.attempts if status else ()),
        "running",
    )


def own_usage(session: ProgramSession, attempts: Iterable[Attempt]) -> Usage:
    """Return what a session itself used: what it says, as far as that can be."""
    claimed, most = claimed_usage(session, attempts), session.ceiling
    if most is None or is_possible(claimed, most):
        return claimed
    left = most.input_tokens
    counts: dict[str, int] = {}
    for name in SENT:
        counts[name] = min(getattr(claimed, name), left)
        left -= counts[name]
    usd = None if claimed.usd is None else min(claimed.usd, most.usd or 0.0)
    return Usage(**counts, output_tokens=min(claimed.output_tokens, most.output_tokens), usd=usd, at_least=True)


def is_possible(claimed: Usage, most: Usage) -> bool:
    """Return whether a session can have used what it says; `most`: with all that was sent as input."""
    sent = sum(getattr(claimed, name) for name in SENT)
    is_cheap = claimed.usd is None or claimed.usd <= (most.usd or 0.0)
    return sent <= most.input_tokens and claimed.output_tokens <= most.output_tokens and is_cheap


def claimed_usage(session: ProgramSession, attempts: Iterable[Attempt]) -> Usage:
    """Return what a session says it used itself, also where its program counts a conversation that it went on with."""
    usage = session.stream.usage
    if session.stream.usage_covers == "session" or session.spec.resume is None:
        return usage
    before = [a.usage for a in attempts if a.conversation == session.spec.resume and a.session != session.spec.id]
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    counts = {name: max(0, getattr(usage, name) - sum(getattr(b, name) for b in before)) for name in names}
    known = [b.usd for b in before if b.usd is not None]
    usd = max(0.0, usage.usd - sum(known)) if usage.usd is not None and len(known) == len(before) else None
    return Usage(**counts, usd=usd, at_least=usage.at_least)


def aside_of(session: ProgramSession, outcome: str, now: datetime, retry_at: datetime | None = None) -> Aside:
    """Return the record of a session beside a task's attempts that is over."""
    spec = session.spec
    return Aside(
        session=spec.id,
        kind="merge" if spec.kind == "merge" else "triage",
        agent=spec.agent or AgentName(""),
        runtime=spec.runtime,
        started=spec.started,
        ended=max(spec.started, session.ended or session.last_output or now),
        model=spec.model,
        usage=own_usage(session, ()),
        outcome=outcome,
        retry_at=retry_at,
        speaks_for=session.stream.speaks_for if retry_at is not None else "session",
    )
