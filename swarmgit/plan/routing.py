"""Who gets a task: the agent whose record for this kind of work is best, as far as few attempts can say (OPERATIONS).

The score is the lower bound of the success rate. It starts from a guess, the rate of all agents of the role at such
work, worth `PRIOR_WEIGHT` attempts, so that somebody new stands above somebody who has failed and below somebody who
has not. Work of the same type elsewhere, or of another type in the same place, counts `RELATED_WEIGHT`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from swarmgit.model.desired import Task
from swarmgit.model.ids import AgentName
from swarmgit.model.status import Identity, TaskStatus
from swarmgit.plan import cv
from swarmgit.plan.bounds import wilson
from swarmgit.plan.cv import Record
from swarmgit.plan.situation import Draft, Situation

PRIOR_WEIGHT = 2.0
RELATED_WEIGHT = 0.25
LOAD_COST = 0.02
"""What each task that waits in an agent's name costs its score: it may come back, and would find it at work."""

PENDING = frozenset({"verifying", "queued"})
Standing = Literal["free", "at work", "could not do it"]


class Candidate(Struct, frozen=True):
    """`tried` and `won`: attempts at this kind of task; `related`: at work like it. `bound` is Wilson's lower one."""

    agent: AgentName
    standing: Standing
    won: int
    tried: int
    related: Record
    bound: float
    load: int
    score: float


class Route(Struct, frozen=True):
    """`agent` None: whoever has to do it is at work. `prior`: the rate that every record starts from."""

    agent: AgentName | None
    reason: str
    kind: str
    prior: float
    is_exploring: bool = False
    candidates: tuple[Candidate, ...] = ()


def route(situation: Situation, draft: Draft, task: Task, status: TaskStatus, busy: frozenset[AgentName]) -> Route:
    """Return who takes a task, and why: its pinned agent, the one that knows it, else the best of those that are free.

    A share of the tasks, which follows from their ids, goes to whoever has the least record of such work.
    """
    kind, prior = cv.kind_of(task), _prior(situation, task)
    if task.agent is not None:
        is_free = task.agent not in busy
        reason = "its file names it" if is_free else f"its agent {task.agent} is at work"
        return Route(task.agent if is_free else None, reason, kind, prior)
    candidates = _candidates(situation, draft, task, status, busy)
    free = [each for each in candidates if each.standing == "free"]
    last = status.last.agent if status.last is not None else None
    if last is not None and last not in busy and last not in status.taken_from:
        return Route(last, "it made the last attempt", kind, prior, candidates=candidates)
    if is_explored(task, situation.swarm.explore_share):
        chosen = min(free, key=lambda each: (each.tried, each.related.tried, each.load))
        reason = "this task is one of those that show what others can do: it has the least record of such work"
        return Route(chosen.agent, reason, kind, prior, is_exploring=True, candidates=candidates)
    chosen = max(free, key=lambda each: each.score)
    return Route(chosen.agent, _reason(chosen), kind, prior, candidates=candidates)


def is_explored(task: Task, share: float) -> bool:
    """Return whether a task is one of the share that is given away to learn something; always the same for its id."""
    digest = hashlib.sha256(f"explore/{task.id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def _reason(chosen: Candidate) -> str:
    if not chosen.tried and not chosen.related.tried:
        return "nobody who is free has a better record for such work"
    return f"of those that are free it has the best record for such work: {chosen.won} of {chosen.tried} attempts"


def _candidates(
    situation: Situation, draft: Draft, task: Task, status: TaskStatus, busy: frozenset[AgentName]
) -> tuple[Candidate, ...]:
    """Return every agent of the role, by name; one that has no name yet where there is place for one."""
    known = {name: who for name, who in situation.observed.identities.items() if who.role == task.role}
    known |= {name: who for name, who in draft.identities.items() if who.role == task.role}
    prior, load = _prior(situation, task), _load(draft)
    names = sorted({*known, *_newcomer(task.role, known, busy.union(status.taken_from), situation.swarm.agents_max)})
    found = []
    for name in names:
        standing: Standing = "could not do it" if name in status.taken_from else "at work" if name in busy else "free"
        found.append(_candidate(task, AgentName(name), known.get(AgentName(name)), standing, prior, load[name]))
    return tuple(found)


def _candidate(
    task: Task, name: AgentName, who: Identity | None, standing: Standing, prior: float, load: int
) -> Candidate:
    own, related = records(who, cv.kind_of(task))
    tried = own.tried + RELATED_WEIGHT * related.tried + PRIOR_WEIGHT
    won = own.won + RELATED_WEIGHT * related.won + PRIOR_WEIGHT * prior
    bound = round(wilson(won, tried)[0], 4)
    return Candidate(name, standing, own.won, own.tried, related, bound, load, round(bound - LOAD_COST * load, 4))


def records(who: Identity | None, kind: str) -> tuple[Record, Record]:
    """Return an agent's record for a kind of work, and for what is like it: the same type, or the same domain."""
    table: Mapping[str, Mapping[str, int]] = who.by_kind if who is not None else {}
    type_, _, domain = kind.partition("/")
    alike = [counts for name, counts in table.items() if name != kind and _is_alike(name, type_, domain)]
    return cv.record(table.get(kind, {})), _sum(map(cv.record, alike))


def _is_alike(name: str, type_: str, domain: str) -> bool:
    other_type, _, other_domain = name.partition("/")
    return other_type == type_ or (other_domain == domain and domain != cv.NO_DOMAIN)


def _prior(situation: Situation, task: Task) -> float:
    """Return the success rate of all agents of the role at this kind of work, drawn towards one half."""
    kind = cv.kind_of(task)
    peers = (who for who in situation.observed.identities.values() if who.role == task.role)
    seen = _sum(records(who, kind)[0] for who in peers)
    return (seen.won + 1) / (seen.tried + 2)


def _sum(found: Iterable[Record]) -> Record:
    rows = list(found)
    return Record(sum(row.won for row in rows), sum(row.tried for row in rows))


def _load(draft: Draft) -> Counter[AgentName]:
    """Return how many tasks wait in each agent's name for their gates or in the queue."""
    return Counter(view.attempts[-1].agent for view in draft.views.values() if view.phase in PENDING and view.attempts)


def _newcomer(
    role: str, known: Iterable[AgentName], taken: frozenset[AgentName], agents_max: int
) -> tuple[AgentName, ...]:
    """Return a name that nobody has: where the role has fewer than may be at work, or nobody known is free."""
    names = {*known, *taken}
    members = [name for name in names if name.rpartition("-")[0] == role]
    is_needed = not any(name not in taken for name in known)
    if len(members) >= agents_max and not is_needed:
        return ()
    numbers = (AgentName(f"{role}-{number:02d}") for number in range(1, len(names) + 2))
    return (next(name for name in numbers if name not in names),)
