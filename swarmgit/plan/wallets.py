"""What a convoy has cost, of what it may."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from swarmgit.model.desired import Desired
from swarmgit.model.ids import ConvoyId, TaskId
from swarmgit.plan.books import Books, spendings


class Wallet(Struct, frozen=True):
    """`spent_usd` is the least it can be: the price of `unpriced` sessions is not known. Tokens always are."""

    convoy: ConvoyId
    limit_usd: float | None
    limit_tokens: int | None
    alert_at: float
    spent_usd: float = 0.0
    tokens: int = 0
    unpriced: int = 0

    @property
    def share(self) -> float:
        """Return how much of the tighter limit is used; 1 and more: all of it."""
        of_usd = _share(self.spent_usd, self.limit_usd)
        return max(of_usd, _share(self.tokens, self.limit_tokens))

    @property
    def is_empty(self) -> bool:
        return self.share >= 1

    @property
    def is_low(self) -> bool:
        return self.share >= self.alert_at

    def sentence(self) -> str:
        """Return what was spent of what, in words."""
        parts = []
        if self.limit_usd is not None:
            parts.append(f"{self.spent_usd:.2f} of {self.limit_usd:.2f} USD")
        if self.limit_tokens is not None:
            parts.append(f"{self.tokens} of {self.limit_tokens} tokens")
        unknown = f" (and {self.unpriced} sessions whose price is not known)" if self.unpriced else ""
        return f"convoy {self.convoy} has used {' and '.join(parts)}{unknown}"


def _share(used: float, limit: float | None) -> float:
    if limit is None:
        return 0.0
    return used / limit if limit else 1.0


def members(desired: Desired) -> dict[ConvoyId, tuple[TaskId, ...]]:
    """Return each convoy's tasks: those it lists, then those that name it."""
    convoys = desired.convoys
    named: dict[ConvoyId, list[TaskId]] = {name: [] for name in convoys}
    for task in desired.tasks.values() if convoys else ():
        if task.convoy in named:
            named[task.convoy].append(task.id)
    return {name: tuple(dict.fromkeys((*convoys[name].tasks, *sorted(named[name])))) for name in convoys}


def wallets(desired: Desired, books: Books) -> dict[ConvoyId, Wallet]:
    """Return the wallet of every convoy that has a budget, sessions at work and those beside attempts included."""
    limits = {name: convoy.budget for name, convoy in desired.convoys.items()}
    limits = {name: limit for name, limit in limits.items() if limit.usd is not None or limit.tokens is not None}
    if not limits or desired.swarm is None:
        return {}
    of_task: dict[TaskId, list[ConvoyId]] = {}
    for name, tasks in members(desired).items():
        for task in tasks if name in limits else ():
            of_task.setdefault(task, []).append(name)
    counts = dict.fromkeys(limits, (0.0, 0, 0))
    for each in spendings(books):
        for name in of_task.get(each.task, ()):
            usd, tokens, unpriced = counts[name]
            is_unknown = each.usage.is_unpriced
            counts[name] = (usd + (each.usage.usd or 0.0), tokens + each.usage.tokens, unpriced + is_unknown)
    alert_at = desired.swarm.budget.alert_at
    return {name: Wallet(name, limit.usd, limit.tokens, alert_at, *counts[name]) for name, limit in limits.items()}


def tightest(desired: Desired, known: Mapping[ConvoyId, Wallet]) -> dict[TaskId, Wallet]:
    """Return for each member the wallet that its sessions are paid from; of several the one that is emptiest."""
    found: dict[TaskId, Wallet] = {}
    for name, tasks in members(desired).items() if known else ():
        for task in tasks if name in known else ():
            if task not in found or known[name].share > found[task].share:
                found[task] = known[name]
    return found
