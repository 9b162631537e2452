"""`swarmgit cost`: what was spent, by task, agent, model, convoy and day; what an hour and what a landed task costs.

Everything is added up from what state says about attempts and the sessions beside them, finished tasks in the archive
included. A price that nobody knows stays unknown: sums say how many sessions they leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from swarmgit.app.look import Look
from swarmgit.app.views.money import budget_row, convoy_budget_rows
from swarmgit.app.views.tasks import statuses
from swarmgit.model.endings import LIMITED
from swarmgit.model.status import TaskStatus
from swarmgit.plan.books import Books, Spending, spendings
from swarmgit.plan.wallets import members
from swarmgit.ports.repository import Objects
from swarmgit.state import kinds
from swarmgit.state.archive import newest

HOUR = timedelta(hours=1)
REWORK = frozenset({"rejected", "conflict", "failed", "timeout"}) | LIMITED
"""Ends of attempts whose price bought nothing that landed."""

DONE = frozenset({"landed", "reverted", "unchanged", "reported"})


class Shown(Struct, frozen=True):
    """One session, and the instant up to which it is counted: its end, or now. `convoys`: where its task belongs."""

    of: Spending
    until: datetime
    convoys: tuple[str, ...]

    @property
    def hours(self) -> float:
        return max(timedelta(), self.until - self.of.started) / HOUR

    @property
    def is_unpriced(self) -> bool:
        return self.of.usage.is_unpriced

    def share_since(self, since: datetime) -> float:
        """Return which share of its time lies after an instant."""
        if self.until <= since:
            return 0.0
        whole = self.until - self.of.started
        return min(1.0, (self.until - since) / whole) if whole > timedelta() else 1.0


def cost(objects: Objects, look: Look) -> dict[str, Any]:
    """Return `cost --json`. `burn_usd_per_hour`: of a longer session only the part that lies in the last hour."""
    known = [*statuses(look).values(), *newest(objects, look.observed.state_head, kinds.TASKS)]
    spent = list(_spent(look, known))
    groups: dict[str, Callable[[Shown], Iterable[str]]] = {
        "tasks": lambda each: (each.of.task,),
        "agents": lambda each: (each.of.agent,),
        "models": lambda each: (each.of.model or each.of.runtime,),
        "convoys": lambda each: each.convoys,
        "days": lambda each: (f"{each.until:%Y-%m-%d}",),
    }
    total = _row("total", spent)
    priced = [each for each in spent if not each.is_unpriced]
    landed = sum(status.phase in DONE and bool(status.attempts) for status in known)
    swarm = look.desired.swarm
    return {
        "version": 1,
        "total": total,
        **{name: _rows(spent, key) for name, key in groups.items()},
        "burn_usd_per_hour": _burn(spent, look.now - HOUR),
        "usd_per_agent_hour": _ratio(total["usd"], sum(each.hours for each in priced)),
        "usd_per_landed_task": _ratio(total["usd"], landed),
        "landed_tasks": landed,
        "rework_usd": _row("", [each for each in spent if each.of.outcome in REWORK])["usd"],
        "budget": budget_row(look),
        "convoy_budgets": convoy_budget_rows(look),
        "subscription_usd_per_month": swarm.subscription_usd_per_month if swarm else None,
        "month": _row(f"{look.now:%Y-%m}", [e for e in spent if f"{e.until:%Y-%m}" == f"{look.now:%Y-%m}"]),
    }


def _spent(look: Look, known: list[TaskStatus]) -> Iterator[Shown]:
    convoys: dict[str, list[str]] = {}
    for name, tasks in members(look.desired).items():
        for task in tasks:
            convoys.setdefault(task, []).append(name)
    for status in known:
        if status.convoy and status.convoy not in convoys.setdefault(status.task, []):
            convoys[status.task].append(status.convoy)
    books = Books(known, look.observed.programs, look.observed.entries.values())
    for each in spendings(books):
        yield Shown(each, each.ended or look.now, tuple(convoys.get(each.task, ())))


def _burn(spent: Iterable[Shown], since: datetime) -> float | None:
    """Return what was spent after an instant; None where no price is known."""
    found = [each for each in spent if each.until > since and each.of.usage.usd is not None]
    return round(sum((e.of.usage.usd or 0.0) * e.share_since(since) for e in found), 6) if found else None


def _rows(spent: Iterable[Shown], key: Callable[[Shown], Iterable[str]]) -> list[dict[str, Any]]:
    """Return a row for each group, the dearest first."""
    groups: dict[str, list[Shown]] = {}
    for each in spent:
        for name in key(each):
            groups.setdefault(name, []).append(each)
    rows = [_row(name, group) for name, group in groups.items()]
    return sorted(rows, key=lambda row: (-(row["usd"] or 0.0), -row["tokens"], row["name"]))


def _row(name: str, group: list[Shown]) -> dict[str, Any]:
    """Return the sums of a group. `usd` None: no price is known; `unpriced`: sessions that it does not cover;
    `uncounted`: those that ended before their program had said all that they used."""
    usages = [each.of.usage for each in group]
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
        "unpriced": sum(each.is_unpriced for each in group),
        "uncounted": sum(usage.at_least for usage in usages),
        "hours": round(sum(each.hours for each in group), 4),
    }


def _ratio(value: float | None, by: float) -> float | None:
    return round(value / by, 6) if value is not None and by else None
