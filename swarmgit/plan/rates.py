"""What the ledger teaches: how often entries are bad, how often they clash, how often a red run lied. Pure.

`bad` counts entries that were evicted alone on a landed base; `clash` those that were red on top of others, or did not
merge. Both are means that start from a guess worth `PRIOR_WEIGHT` entries; an agent's own rate starts from the whole's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from swarmgit.model.desired import CONFLICT_TIERS
from swarmgit.model.queue import Entry, Red, Rejected
from swarmgit.plan.choices import Rates

BAD_FIRST = 0.1
CLASH_FIRST = 0.03
FLAKY_FIRST = 0.02
PRIOR_WEIGHT = 10.0
FLAKY_WEIGHT = 50.0
CHANCE_MIN = 0.005
CHANCE_MAX = 0.6


class Learned(Struct, frozen=True):
    """`own`: (agent, conflict tier) → the chance that its entry is bad."""

    rates: Rates = field(default_factory=Rates)
    own: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def chance(self, entry: Entry) -> float:
        return self.own.get((entry.agent, entry.tier), self.rates.bad)


def learn(entries: Iterable[Entry]) -> Learned:
    """Return the rates over closed entries; those with a red run behind them count as bad while they wait.

    Else the estimate would lag: what is good lands at once, and what is bad is searched for first.
    """
    counted = [entry for entry in entries if entry.state in {"landed", "rejected"} or entry.last(Red)]
    bad = [entry for entry in counted if _is_bad(entry)]
    clashes = sum(_is_clash(entry) for entry in counted)
    rate = shrunk(len(bad), len(counted), BAD_FIRST)
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in counted:
        groups[entry.agent, entry.tier].append(entry)
    own = {who: shrunk(sum(map(_is_bad, group)), len(group), rate) for who, group in groups.items()}
    return Learned(Rates(rate, shrunk(clashes, len(counted), CLASH_FIRST), _flaky(counted)), own)


class TierFigures(Struct, frozen=True):
    """How entries of one conflict tier fared. `success`: landed ÷ (landed + rejected); None before the first end."""

    tier: str
    entries: int
    landed: int
    rejected: int

    @property
    def success(self) -> float | None:
        ended = self.landed + self.rejected
        return round(self.landed / ended, 4) if ended else None


def by_tier(entries: Iterable[Entry]) -> tuple[TierFigures, ...]:
    """Return the figures of each tier that has entries, in the order in which tiers are tried."""
    groups: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        groups[entry.tier].append(entry.state)
    places: dict[str, int] = {tier: place for place, tier in enumerate(CONFLICT_TIERS)}
    return tuple(
        TierFigures(tier, len(states), states.count("landed"), states.count("rejected"))
        for tier, states in sorted(groups.items(), key=lambda each: (places.get(each[0], len(CONFLICT_TIERS)), each[0]))
    )


def shrunk(hits: int, count: int, first: float) -> float:
    """Return hits ÷ count, drawn towards `first` as if that had been seen `PRIOR_WEIGHT` times; within bounds."""
    return min(CHANCE_MAX, max(CHANCE_MIN, (hits + PRIOR_WEIGHT * first) / (count + PRIOR_WEIGHT)))


def _flaky(entries: Iterable[Entry]) -> float:
    """Return the chance that a run is red although the same tree is green when it runs again."""
    lies = runs = 0
    for entry in entries:
        passed = {result.key for result in entry.evidence if result.outcome == "pass"}
        reds = entry.every(Red)
        lies += sum(red.key in passed for red in reds)
        runs += len(reds) + len(passed)
    return min(0.5, (lies + FLAKY_WEIGHT * FLAKY_FIRST) / (runs + FLAKY_WEIGHT))


def _is_bad(entry: Entry) -> bool:
    if entry.state == "landed":
        return False
    last = entry.last(Rejected, Red)
    return not isinstance(last, Rejected) or (last.rejection != "conflict" and not last.green)


def _is_clash(entry: Entry) -> bool:
    return entry.state != "landed" and not _is_bad(entry)
