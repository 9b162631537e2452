"""Money and tokens: what was spent, what is left, who may still start, who is stopped. Unknown is never free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from swarmgit.model.desired import Swarm, Task
from swarmgit.model.ids import TaskId
from swarmgit.model.status import Attempt, Entry, TaskStatus, Usage
from swarmgit.model.work import Session
from swarmgit.plan.situation import Draft, Situation

STOPS = "budget"
RESOLVED = frozenset({"resolved", "unresolved"})
"""Events of an entry that say what a session over its conflict has used."""

SAMPLES_MIN = 3
"""So many finished tasks of a kind make an estimate."""

Waits = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Purse:
    """What is left of the day. `spent_usd` is the least it can be: the price of `unpriced` sessions is not known."""

    limit_usd: float | None
    alert_at: float
    spent_usd: float = 0.0
    unpriced: int = 0

    @property
    def is_empty(self) -> bool:
        return self.limit_usd is not None and self.spent_usd >= self.limit_usd

    @property
    def is_low(self) -> bool:
        return self.limit_usd is not None and self.spent_usd >= self.limit_usd * self.alert_at


@dataclass(frozen=True, slots=True)
class Books:
    """What money was spent on: attempts, sessions at work, and the conflicts that sessions have resolved or not."""

    statuses: Iterable[TaskStatus]
    sessions: Iterable[Session]
    entries: Iterable[Entry] = ()


def purse(swarm: Swarm, books: Books, now: datetime) -> Purse:
    """Return what this day (UTC) has cost so far, sessions at work included."""
    spent, unpriced = 0.0, 0
    for usage in _of_today(books, now):
        spent += usage.usd or 0.0
        unpriced += usage.usd is None and usage.tokens > 0
    return Purse(swarm.budget.usd_per_day, swarm.budget.alert_at, spent, unpriced)


def _of_today(books: Books, now: datetime) -> Iterator[Usage]:
    ended: set[str] = set()
    for status in books.statuses:
        for attempt in status.attempts:
            if attempt.outcome == "running":
                continue
            ended.add(attempt.session)
            if (attempt.ended or attempt.started).date() == now.date():
                yield attempt.usage
    resolved = [e for entry in books.entries for e in entry.events if e.kind in RESOLVED and e.data.get("tokens")]
    for event in resolved:
        ended.add(str(event.data["session"]))
        if event.at.date() == now.date():
            yield Usage(input_tokens=event.data["tokens"], usd=event.data["usd"])
    yield from (s.stream.usage for s in books.sessions if s.spec.kind in {"agent", "merge"} and s.spec.id not in ended)


def own_usage(session: Session, attempts: Iterable[Attempt]) -> Usage:
    """Return what a session itself used, where its program counts the whole conversation that it went on with."""
    usage = session.stream.usage
    if session.stream.usage_covers == "session" or session.spec.resume is None:
        return usage
    before = [a.usage for a in attempts if a.conversation == session.spec.resume and a.session != session.spec.id]
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    counts = {name: max(0, getattr(usage, name) - sum(getattr(b, name) for b in before)) for name in names}
    known = [b.usd for b in before if b.usd is not None]
    usd = max(0.0, usage.usd - sum(known)) if usage.usd is not None and len(known) == len(before) else None
    return Usage(**counts, usd=usd)


def reason_to_stop(situation: Situation, task: Task | None, status: TaskStatus, session: Session) -> str | None:
    """Return why a session at work has to end now: its tokens, or its task's money, are used up."""
    used = own_usage(session, status.attempts)
    if too_many := too_many_tokens(situation, task, used):
        return too_many
    usd_max = usd_of_task(situation.swarm, task)
    spent = spent_by(status) + (used.usd or 0.0)
    if usd_max is not None and used.usd is not None and spent >= usd_max:
        return f"{STOPS}: the task has cost {spent:.2f} of {usd_max:.2f} USD"
    return None


def too_many_tokens(situation: Situation, task: Task | None, used: Usage) -> str | None:
    """Return why a session has to end by its tokens; None while it may go on."""
    tokens_max = (task.budget.tokens if task else None) or situation.swarm.budget.tokens_per_session
    if tokens_max is None or used.tokens < tokens_max:
        return None
    return f"{STOPS}: {used.tokens} tokens of {tokens_max} for one session are used"


def usd_of_task(swarm: Swarm, task: Task | None) -> float | None:
    """Return what a task may cost; None without a limit."""
    own = task.budget.usd if task else None
    return swarm.budget.usd_per_task if own is None else own


def spent_by(status: TaskStatus) -> float:
    """Return what the attempts that count have cost, as far as their price is known."""
    return sum(a.usage.usd or 0.0 for a in status.counted if a.outcome != "running")


def estimates(statuses: Iterable[TaskStatus], tasks: Mapping[TaskId, Task]) -> dict[str, float]:
    """Return what a session of each type of task has cost in the middle, where enough of them are known."""
    by_type: dict[str, list[float]] = {}
    for status in statuses:
        task = tasks.get(status.task)
        if task is not None:
            priced = [a.usage.usd for a in status.attempts if a.usage.usd and a.outcome != "running"]
            by_type.setdefault(task.type, []).extend(priced)
    return {kind: _middle(prices) for kind, prices in by_type.items() if len(prices) >= SAMPLES_MIN}


def _middle(prices: list[float]) -> float:
    """Return the upper median; the module that has one takes longer to import than most commands run."""
    return sorted(prices)[len(prices) // 2]


@dataclass(frozen=True, slots=True)
class Till:
    """What starts are judged by in one tick. `estimates`: USD a session, by type of task."""

    purse: Purse
    estimates: Mapping[str, float]


def till(situation: Situation, draft: Draft) -> Till:
    """Return the state of the money now; nothing is added up where nothing limits it."""
    limits = situation.swarm.budget
    needs_day = limits.usd_per_day is not None
    statuses = {**situation.observed.statuses, **draft.views}.values()
    sessions = situation.observed.sessions.values()
    has_task_limit = limits.usd_per_task is not None or any(
        task.budget.usd is not None for task in situation.desired.tasks.values()
    )
    return Till(
        purse(situation.swarm, Books(statuses, sessions, draft.entries.values()), situation.now)
        if needs_day
        else Purse(None, limits.alert_at),
        estimates(statuses, situation.desired.tasks) if has_task_limit else {},
    )


def wait(situation: Situation, draft: Draft, task: Task, money: Till) -> Waits | None:
    """Return why there is no money for a task's next session; None when there is."""
    sentence = _day(money.purse) or _task(situation, task, draft.views.get(task.id), money)
    if sentence is None:
        return None
    draft.needs_person = True
    return "budget", sentence


def wait_for_day(situation: Situation, draft: Draft) -> Waits | None:
    """Return why there is no money today for whatever session; None when there is."""
    sentence = _day(till(situation, draft).purse)
    draft.needs_person = draft.needs_person or sentence is not None
    return ("budget", sentence) if sentence else None


def _day(day: Purse) -> str | None:
    if not day.is_empty:
        return None
    return (
        f"today's budget of {day.limit_usd:.2f} USD is spent; it goes on tomorrow (UTC), "
        "or with a higher budget.usd_per_day in .swarm/swarm.yaml"
    )


def _task(situation: Situation, task: Task, status: TaskStatus | None, money: Till) -> str | None:
    limit = usd_of_task(situation.swarm, task)
    if limit is None:
        return None
    spent = spent_by(status) if status else 0.0
    left = max(0.0, limit - spent)
    raise_it = "raise budget.usd of the task, or budget.usd_per_task in .swarm/swarm.yaml"
    if spent and spent >= limit:
        return f"it has cost {spent:.2f} of {limit:.2f} USD; {raise_it}"
    expected = money.estimates.get(task.type)
    if expected is not None and spent + expected > limit:
        return f"sessions of type {task.type} cost {expected:.2f} USD, and {left:.2f} USD are left for it; {raise_it}"
    return None
