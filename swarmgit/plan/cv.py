"""Agents' CVs: counts of verified outcomes, folded into the identities of this plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from swarmgit.model.desired import Task
from swarmgit.model.ids import AgentName
from swarmgit.model.status import Attempt, Identity, TaskStatus
from swarmgit.plan.situation import Draft, Situation

RECENT_MAX = 10
CHARGEABLE_FAILURES = frozenset({"failed", "timeout"})


def count_session(draft: Draft, situation: Situation, status: TaskStatus) -> None:
    """Count a session that is over: its use of tokens, and its failure where it was the agent's."""
    attempt = status.attempts[-1]
    identity = _identity(draft, situation, attempt, situation.desired.tasks.get(status.task))
    usd = attempt.usage.usd
    draft.identities[attempt.agent] = replace(
        identity,
        sessions=identity.sessions + 1,
        failed=identity.failed + (attempt.outcome in CHARGEABLE_FAILURES),
        tokens=identity.tokens + attempt.usage.tokens,
        usd=(identity.usd or 0.0) + usd if usd is not None else identity.usd,
        recent=_recent(identity, status.task, attempt),
    )
    if attempt.outcome == "rejected":
        count_rejection(draft, situation, attempt)


def count_rejection(draft: Draft, situation: Situation, attempt: Attempt) -> None:
    """Count work that went back. A conflict is nobody's fault and is not counted as rework."""
    if attempt.outcome == "conflict":
        return
    identity = _identity(draft, situation, attempt, None)
    by_model = _bump(identity.by_model, attempt.model or attempt.runtime, "rejected")
    draft.identities[attempt.agent] = replace(identity, reworked=identity.reworked + 1, by_model=by_model)


def count_completion(draft: Draft, situation: Situation, attempt: Attempt, task: Task | None, attempts: int) -> None:
    """Count a task that landed, or was verified to need no change, or was reported."""
    identity = _identity(draft, situation, attempt, task)
    by_domain = identity.by_domain
    for domain in _domains(task):
        by_domain = _bump(by_domain, domain, "completed")
    draft.identities[attempt.agent] = replace(
        identity,
        tasks_completed=identity.tasks_completed + 1,
        first_pass=identity.first_pass + (attempts == 1),
        by_model=_bump(identity.by_model, attempt.model or attempt.runtime, "completed"),
        by_domain=by_domain,
        recent=_recent(identity, task.id if task else "", attempt),
    )


def _identity(draft: Draft, situation: Situation, attempt: Attempt, task: Task | None) -> Identity:
    name: AgentName = attempt.agent
    known = draft.identities.get(name) or situation.observed.identities.get(name)
    role = task.role if task else str(name).rpartition("-")[0] or "builder"
    return known or Identity(name=name, role=role, created=attempt.started)


def _bump(table: Mapping[str, Mapping[str, int]], row: str, column: str) -> dict[str, Mapping[str, int]]:
    counts = {**table.get(row, {})}
    counts[column] = counts.get(column, 0) + 1
    return {**table, row: counts}


def _domains(task: Task | None) -> tuple[str, ...]:
    """Return what a task was about: its `area` label, and the first folder of what it owned."""
    if task is None:
        return ()
    area = (task.labels["area"],) if "area" in task.labels else ()
    folders = (pattern.split("/")[0] for pattern in task.scope.owns if "/" in pattern)
    return tuple(dict.fromkeys((*area, *(f for f in folders if not set(f) & set("*?[")))))


def _recent(identity: Identity, task: str, attempt: Attempt) -> tuple[Mapping[str, str], ...]:
    others = tuple(r for r in identity.recent if r.get("session") != attempt.session)
    return (*others, {"session": attempt.session, "task": task, "outcome": attempt.outcome})[-RECENT_MAX:]
