"""The check that what a side added survives and what a side deleted is gone."""

from __future__ import annotations

import re
from collections import Counter

from swarmgit.resolve.answer import SurvivalCheck

WORD = re.compile(r"\w+")
SHOWN_MAX = 20


def check(base: str, ours: str, theirs: str, result: str, settled: Counter[str] | None = None) -> SurvivalCheck:
    """Compare how often each word stands in the four texts; `settled`: words that a rule has decided about."""
    was, now = words(base), words(result)
    lost: set[str] = set()
    revived: set[str] = set()
    sides = [words(ours), words(theirs)]
    for side, other in (sides, sides[::-1]):
        for word in side.keys() | was.keys():
            if settled and word in settled:
                continue
            mine, others = side[word] - was[word], other[word] - was[word]
            if mine > 0 and now[word] < was[word] + mine + min(others, 0):
                lost.add(word)
            elif mine < 0 and now[word] > was[word] + mine + max(others, 0):
                revived.add(word)
    return SurvivalCheck(tuple(sorted(lost)[:SHOWN_MAX]), tuple(sorted(revived)[:SHOWN_MAX]))


def words(text: str) -> Counter[str]:
    return Counter(WORD.findall(text))
