"""Agents' CVs: counts of verified outcomes, folded into the identities of this plan; and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from swarmgit.model.desired import Task
from swarmgit.model.endings import CHARGED
from swarmgit.model.ids import AgentName
from swarmgit.model.status import Attempt, Identity, TaskStatus
from swarmgit.plan.bounds import wilson
from swarmgit.plan.situation import Draft, Situation

RECENT_MAX = 10
STRENGTHS_MAX = 3
CHARGEABLE_FAILURES = frozenset({"failed", "timeout"})
NO_DOMAIN = "-"
Counts = Mapping[str, int]


class Record(NamedTuple):
    """Judged attempts: how many there were, and how many of them completed their task."""

    won: int = 0
    tried: int = 0


def count_session(draft: Draft, situation: Situation, status: TaskStatus) -> None:
    """Count a session that is over: its use of tokens, and its failure where it was the agent's."""
    attempt, task = status.attempts[-1], situation.desired.tasks.get(status.task)
    identity = _identity(draft, situation, attempt, task)
    usd = attempt.usage.usd
    draft.identities[attempt.agent] = replace(
        identity,
        sessions=identity.sessions + 1,
        tokens=identity.tokens + attempt.usage.tokens,
        uncounted=identity.uncounted + attempt.usage.at_least,
        usd=(identity.usd or 0.0) + usd if usd is not None else identity.usd,
        recent=_recent(identity, status.task, attempt),
    )
    if attempt.outcome in CHARGEABLE_FAILURES:
        failed = _counted(draft.identities[attempt.agent], situation, attempt, task, "failed")
        draft.identities[attempt.agent] = replace(failed, failed=failed.failed + 1)
    if attempt.outcome == "rejected":
        count_rejection(draft, situation, attempt, task)


def count_rejection(draft: Draft, situation: Situation, attempt: Attempt, task: Task | None) -> None:
    """Count work that went back. A conflict is nobody's fault and is not counted as rework."""
    known = _identity(draft, situation, attempt, task)
    identity = replace(known, recent=_recent(known, task.id if task else "", attempt))
    if attempt.outcome != "conflict":
        counted = _counted(identity, situation, attempt, task, "rejected")
        identity = replace(counted, reworked=identity.reworked + 1)
    draft.identities[attempt.agent] = identity


def count_completion(draft: Draft, situation: Situation, attempt: Attempt, task: Task | None) -> None:
    """Count a task that landed, or was verified to need no change, or was reported."""
    is_first = _is_first_judged(situation, attempt, task)
    columns = ("completed", "first_pass") if is_first else ("completed",)
    identity = _counted(_identity(draft, situation, attempt, task), situation, attempt, task, *columns)
    draft.identities[attempt.agent] = replace(
        identity,
        tasks_completed=identity.tasks_completed + 1,
        first_pass=identity.first_pass + is_first,
        recent=_recent(identity, task.id if task else "", attempt),
    )


# --- what a CV says ---------------------------------------------------------------------------------------------------


def domains(task: Task | None) -> tuple[str, ...]:
    """Return what a task is about: its `area` label, and the first folders of what it owns."""
    if task is None:
        return ()
    area = (task.labels["area"],) if "area" in task.labels else ()
    folders = (pattern.split("/")[0] for pattern in task.scope.owns if "/" in pattern)
    return tuple(dict.fromkeys((*area, *(f for f in folders if not set(f) & set("*?[")))))


def kind_of(task: Task) -> str:
    """Return `type/domain`, by the first of its domains: the kind of work that records are compared for."""
    return f"{task.type}/{(*domains(task), NO_DOMAIN)[0]}"


def record(counts: Counts) -> Record:
    """Return a row of a CV's table as judged attempts."""
    won = counts.get("completed", 0)
    return Record(won, won + counts.get("rejected", 0) + counts.get("failed", 0))


def overall(identity: Identity) -> Record:
    """Return all judged attempts of an agent."""
    won = identity.tasks_completed
    return Record(won, won + identity.reworked + identity.failed)


def first_pass_rate(identity: Identity) -> float | None:
    """Return the share of its tasks whose first judged attempt passed; None before the first one.

    Attempts that ended by a conflict, a pause or the machine's doing are not judged.
    """
    return _share(identity.first_pass, identity.tasks_tried)


def rework_rate(identity: Identity) -> float | None:
    """Return the share of judged attempts that went back; None before the first one."""
    return _share(identity.reworked, overall(identity).tried)


def tokens_per_task(identity: Identity) -> float | None:
    """Return the tokens of all its sessions for each completed task."""
    return identity.tokens / identity.tasks_completed if identity.tasks_completed else None


def usd_per_task(identity: Identity) -> float | None:
    """Return the known cost of all its sessions for each completed task; None where nothing is known."""
    known = identity.usd is not None and identity.tasks_completed
    return (identity.usd or 0.0) / identity.tasks_completed if known else None


def strengths(identity: Identity) -> tuple[str, ...]:
    """Return the domains it has done best in, by the lower bound of its success rate there."""
    rows = {domain: record(counts) for domain, counts in identity.by_domain.items()}
    good = {domain: wilson(*row)[0] for domain, row in rows.items() if row.won}
    return tuple(sorted(good, key=lambda domain: (-good[domain], domain))[:STRENGTHS_MAX])


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


# --- counting ---------------------------------------------------------------------------------------------------------


def _identity(draft: Draft, situation: Situation, attempt: Attempt, task: Task | None) -> Identity:
    name: AgentName = attempt.agent
    known = draft.identities.get(name) or situation.observed.identities.get(name)
    role = task.role if task else str(name).rpartition("-")[0] or "builder"
    return known or Identity(name=name, role=role, created=attempt.started)


def _is_first_judged(situation: Situation, attempt: Attempt, task: Task | None) -> bool:
    """Tell whether no earlier attempt of this agent at the task was held against it; no for a task that is gone."""
    if task is None:
        return False
    status = situation.observed.statuses.get(task.id)
    earlier = status.attempts if status else ()
    return not any(
        each.agent == attempt.agent and each.number < attempt.number and each.outcome in CHARGED for each in earlier
    )


def _counted(identity: Identity, situation: Situation, attempt: Attempt, task: Task | None, *columns: str) -> Identity:
    """Return the CV with one more judged attempt in each of its tables."""
    identity = replace(identity, tasks_tried=identity.tasks_tried + _is_first_judged(situation, attempt, task))
    by_model, by_domain, by_kind = identity.by_model, identity.by_domain, identity.by_kind
    for column in columns:
        by_model = _bump(by_model, attempt.model or attempt.runtime, column)
        for domain in domains(task):
            by_domain = _bump(by_domain, domain, column)
        if task is not None:
            by_kind = _bump(by_kind, kind_of(task), column)
    return replace(identity, by_model=by_model, by_domain=by_domain, by_kind=by_kind)


def _bump(table: Mapping[str, Counts], row: str, column: str) -> dict[str, Counts]:
    counts = {**table.get(row, {})}
    counts[column] = counts.get(column, 0) + 1
    return {**table, row: counts}


def _recent(identity: Identity, task: str, attempt: Attempt) -> tuple[Mapping[str, str], ...]:
    others = tuple(r for r in identity.recent if r.get("session") != attempt.session)
    return (*others, {"session": attempt.session, "task": task, "outcome": attempt.outcome})[-RECENT_MAX:]
