"""`swarmgit cost`: what was spent, by task, agent, model, convoy and day; what an hour and what a landed task costs.

Everything is added up from the attempts in state, finished tasks in the archive included. A price that nobody knows
stays unknown: sums say how many sessions they leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from swarmgit.app.look import Look
from swarmgit.app.views.money import budget_row
from swarmgit.app.views.tasks import statuses
from swarmgit.app.world import World
from swarmgit.documents import state
from swarmgit.errors import SwarmError
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.plan.budget import own_usage

HOUR_S = 3600.0
REWORK = frozenset({"rejected", "conflict", "failed", "timeout", "over-budget"})
"""Ends of attempts whose price bought nothing that landed."""


@dataclass(frozen=True, slots=True)
class Spending:
    """One session of a task, ended or still at work, with what it has used so far."""

    status: TaskStatus
    attempt: Attempt
    ended: datetime

    @property
    def hours(self) -> float:
        return max(0.0, (self.ended - self.attempt.started).total_seconds()) / HOUR_S


def cost(world: World, look: Look) -> dict[str, Any]:
    """Return `cost --json`."""
    spent = list(_spendings(look, [*statuses(look).values(), *_archived(world, look)]))
    groups: dict[str, Callable[[Spending], str | None]] = {
        "tasks": lambda each: each.status.task,
        "agents": lambda each: each.attempt.agent,
        "models": lambda each: each.attempt.model or each.attempt.runtime,
        "convoys": lambda each: each.status.convoy,
        "days": lambda each: f"{each.attempt.started:%Y-%m-%d}",
    }
    landed = {each.status.task for each in spent if each.status.phase in {"landed", "unchanged", "reported"}}
    recent = [each for each in spent if each.ended > look.now - timedelta(hours=1)]
    total = _row("total", spent)
    swarm = look.desired.swarm
    return {
        "version": 1,
        "total": total,
        **{name: _rows(spent, key) for name, key in groups.items()},
        "burn_usd_per_hour": _row("", recent)["usd"],
        "usd_per_agent_hour": _ratio(total["usd"], total["hours"]),
        "usd_per_landed_task": _ratio(total["usd"], len(landed)),
        "landed_tasks": len(landed),
        "rework_usd": _row("", [each for each in spent if each.attempt.outcome in REWORK])["usd"],
        "budget": budget_row(look),
        "subscription_usd_per_month": swarm.subscription_usd_per_month if swarm else None,
    }


def _spendings(look: Look, known: Iterable[TaskStatus]) -> Iterator[Spending]:
    for status in known:
        for attempt in status.attempts:
            session = look.observed.sessions.get(attempt.session)
            if attempt.outcome == "running" and session is not None:
                used = own_usage(session, status.attempts)
                running = Attempt(**{**_fields(attempt), "usage": used})
                yield Spending(status, running, session.ended or look.now)
            else:
                yield Spending(status, attempt, attempt.ended or attempt.started)


def _fields(attempt: Attempt) -> dict[str, Any]:
    return {name: getattr(attempt, name) for name in Attempt.__dataclass_fields__}


def _archived(world: World, look: Look) -> Iterator[TaskStatus]:
    """Yield the finished tasks that have left the hot folders; what cannot be read is left out."""
    for path in look.observed.archived.values():
        oid = world.objects.resolve(f"{look.observed.state_head}:{path}")
        if oid is None:
            continue
        try:
            yield state.load_status(path, world.objects.blob(oid))
        except SwarmError:
            continue


def _rows(spent: Iterable[Spending], key: Callable[[Spending], str | None]) -> list[dict[str, Any]]:
    """Return a row for each group, the dearest first."""
    groups: dict[str, list[Spending]] = {}
    for each in spent:
        name = key(each)
        if name is not None:
            groups.setdefault(name, []).append(each)
    rows = [_row(name, group) for name, group in groups.items()]
    return sorted(rows, key=lambda row: (-(row["usd"] or 0.0), -row["tokens"], row["name"]))


def _row(name: str, spent: Iterable[Spending]) -> dict[str, Any]:
    """Return the sums of a group. `usd` None: no price is known; `unpriced`: sessions that it does not cover."""
    group = list(spent)
    usages = [each.attempt.usage for each in group]
    known = [usage.usd for usage in usages if usage.usd is not None]
    return {
        "name": name,
        "sessions": len(group),
        "input_tokens": sum(usage.input_tokens for usage in usages),
        "output_tokens": sum(usage.output_tokens for usage in usages),
        "cache_read_tokens": sum(usage.cache_read_tokens for usage in usages),
        "cache_write_tokens": sum(usage.cache_write_tokens for usage in usages),
        "tokens": sum(usage.tokens for usage in usages),
        "usd": round(sum(known), 6) if known else None,
        "unpriced": sum(usage.usd is None and usage.tokens > 0 for usage in usages),
        "hours": round(sum(each.hours for each in group), 4),
    }


def _ratio(value: float | None, by: float) -> float | None:
    return round(value / by, 6) if value is not None and by else None
