"""The resolver by hunks: a three-way merge by lines in which a rule decides each place that both sides changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from swarmgit.resolve import diff3, rules, survival
from swarmgit.resolve.answer import Hunk
from swarmgit.resolve.rules import Place, Rule

TRUSTED = frozenset({"whitespace", "version", "union"})
"""Rules that need no second voice."""
ONLY_HINTS = frozenset({"imports"})
"""Rules that people's merges agree with too seldom (benchmarks/replay.md): what they say is shown to tier 3."""

CONTEXT = 16


@dataclass(slots=True)
class ByHunks:
    """`text` None: no rule fits some hunk. `precise`: every hunk was decided by a rule that is trusted alone."""

    text: str | None = None
    hunks: list[Hunk] = field(default_factory=list)
    settled: Counter[str] = field(default_factory=Counter)

    @property
    def precise(self) -> bool:
        return bool(self.hunks) and all(hunk.rule in TRUSTED for hunk in self.hunks)

    @property
    def is_only_a_hint(self) -> bool:
        return any(hunk.rule in ONLY_HINTS for hunk in self.hunks)


def merge(base: str, ours: str, theirs: str, language: str | None, *, is_union: bool = False) -> ByHunks:
    """Merge three texts whose last lines are complete."""
    parts = list(diff3.chunks(lines_of(base), lines_of(ours), lines_of(theirs)))
    known: tuple[tuple[str, Rule], ...] = (("union", rules.union),) if is_union else (*rules.PRECISE, *rules.LIKELY)
    found = ByHunks()
    merged: list[str] = []
    is_whole = True
    for number, part in enumerate(parts):
        plain = part.merged
        if plain is not None:
            merged += plain
            continue
        before = _unchanged(parts[max(0, number - CONTEXT) : number][::-1], backwards=True)[::-1]
        place = Place(part, before, _unchanged(parts[number + 1 : number + 1 + CONTEXT]), language)
        name, lines = _decide(place, known)
        found.hunks.append(Hunk(part.at + 1, len(part.base), len(part.ours), len(part.theirs), name))
        is_whole = is_whole and lines is not None
        merged += lines or []
        if name == "version":
            found.settled += survival.words("".join((*part.base, *part.ours, *part.theirs)))
    found.text = "".join(merged) if is_whole else None
    return found


def _decide(place: Place, known: Sequence[tuple[str, Rule]]) -> tuple[str | None, list[str] | None]:
    for name, rule in known:
        lines = rule(place)
        if lines is not None:
            return name, lines
    return None, None


def _unchanged(parts: Sequence[diff3.Chunk[str]], *, backwards: bool = False) -> list[str]:
    """Return the lines of parts, nearest first, up to the first on which the sides differ."""
    near = takewhile(lambda part: part.ours == part.theirs, parts)
    return [line for part in near for line in (part.ours[::-1] if backwards else part.ours)]


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that ends in a line break, with their breaks; only \\n breaks lines."""
    return [line + "\n" for line in text.split("\n")[:-1]]
