"""Intervals: what few observations say, and what they do not. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

Interval = tuple[float, float]
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
EVERYTHING: Interval = (0.0, 1.0)


def wilson(won: float, tried: float, z: float = Z) -> Interval:
    """Return the interval of a success rate (E. B. Wilson, 1927); all of [0, 1] where nothing was tried."""
    if tried <= 0:
        return EVERYTHING
    rate = min(1.0, won / tried)
    middle = rate + z * z / (2 * tried)
    spread = z * math.sqrt(rate * (1 - rate) / tried + z * z / (4 * tried * tried))
    whole = 1 + z * z / tried
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the interval of a mean by the t distribution; None of fewer than two values: they say nothing of it."""
    if len(values) < 2:
        return None
    middle, spread = fmean(values), student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return middle - spread, middle + spread


def student(freedom: int) -> float:
    """Return the two-sided 95 % point of Student's t (Cornish and Fisher's expansion; exact up to two)."""
    tail = 1 - CONFIDENCE
    if freedom == 1:
        return 1 / math.tan(tail * math.pi / 2)
    if freedom == 2:
        return math.sqrt(2 / (tail * (2 - tail)) - 2)
    z, n = Z, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def are_apart(one: Interval | None, other: Interval | None) -> bool:
    """Return whether two intervals do not meet: a careful test, which does not find every difference."""
    return one is not None and other is not None and (one[1] < other[0] or other[1] < one[0])
