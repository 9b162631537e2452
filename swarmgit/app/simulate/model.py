"""The model: which changes are bad, which pairs clash, and what a gate says about a tree. All from one seed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from statistics import median

from msgspec import Struct

from swarmgit.model.ids import EntryId

NEIGHBOURS = 20
"""A change that clashes does so with one of so many before it in line."""


class BrokenPromise(AssertionError):
    """The simulated queue broke one of I1 to I6: a bug in the choice of trees."""


class Setting(Struct, frozen=True):
    """Chances are between 0 and 1. `retries`: how often a red tree runs again; 0 is for gates known never to lie."""

    entries: int = 1000
    bad: float = 0.1
    clash: float = 0.0
    flaky: float = 0.0
    gate_minutes: float = 10.0
    slots: int = 2
    seed: int = 1
    retries: int = 1
    batch_max: int = 512


class Figures(Struct, frozen=True):
    """`minutes_to_land`: for each landed change from the start, in order of landing. `innocent`: good ones evicted."""

    landed: int
    evicted: int
    innocent: int
    gate_runs: int
    minutes: float
    minutes_to_land: tuple[float, ...] = ()

    @property
    def landed_per_hour(self) -> float:
        return self.landed * 60.0 / self.minutes if self.minutes else 0.0

    @property
    def runs_per_landed(self) -> float:
        return self.gate_runs / self.landed if self.landed else float("inf")

    @property
    def median_minutes(self) -> float:
        return median(self.minutes_to_land) if self.minutes_to_land else 0.0

    @property
    def p95_minutes(self) -> float:
        times = sorted(self.minutes_to_land)
        return times[min(len(times) - 1, int(len(times) * 0.95))] if times else 0.0


class Truth(Struct):
    """What nobody in the queue knows."""

    entries: tuple[EntryId, ...]
    bad: frozenset[EntryId]
    clashes: dict[EntryId, EntryId]
    flaky: float
    dice: random.Random

    @classmethod
    def of(cls, setting: Setting) -> Truth:
        dice = random.Random(setting.seed)  # noqa: S311  a model, not a secret
        entries = tuple(EntryId(f"{number:06}") for number in range(setting.entries))
        bad = frozenset(entry for entry in entries if dice.random() < setting.bad)
        clashes: dict[EntryId, EntryId] = {}
        for place, entry in enumerate(entries[1:], start=1):
            if dice.random() < setting.clash:
                clashes[entry] = entries[dice.randrange(max(0, place - NEIGHBOURS), place)]
        return cls(entries, bad, clashes, setting.flaky, dice)

    def is_green(self, tree: Iterable[EntryId]) -> bool:
        """Return what an honest gate says about these changes together."""
        inside = frozenset(tree)
        return inside.isdisjoint(self.bad) and not any(self.clashes.get(entry) in inside for entry in inside)

    def run(self, tree: Iterable[EntryId]) -> bool:
        """Return what one run says: a red answer may be a lie, a green one never is."""
        is_green = self.is_green(tree)
        return is_green and self.dice.random() >= self.flaky
