"""The resolver by hunks: a three-way merge by lines in which a rule decides each place that both sides changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

from msgspec import Struct, field

from swarmgit.resolve import diff3, memory, rules, survival
from swarmgit.resolve.answer import Hunk, Remembered
from swarmgit.resolve.rules import Place, Rule

TRUSTED = frozenset({"whitespace", "version", "union", "remembered"})
"""Rules that need no second voice."""
ONLY_HINTS = frozenset({"imports"})
"""Rules that people's merges agree with too seldom (benchmarks/replay.md): what they say is shown to tier 3."""

DECIDED = frozenset({"version", "remembered"})
"""Rules after which words that a side added may be gone: that is what was decided."""

CONTEXT = 16


class ByHunks(Struct):
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


class Texts(Struct, frozen=True):
    """The three sides of a file; the last line of each is complete."""

    base: str
    ours: str
    theirs: str


def merge(
    texts: Texts, language: str | None, remembered: Remembered | None = None, *, is_union: bool = False
) -> ByHunks:
    """Merge the sides of a file, hunk by hunk."""
    parts = list(diff3.chunks(lines_of(texts.base), lines_of(texts.ours), lines_of(texts.theirs)))
    known: tuple[tuple[str, Rule], ...] = (("union", rules.union),) if is_union else (*rules.PRECISE, *rules.LIKELY)
    if remembered is not None:
        known = (("remembered", _recall(remembered)), *known)
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
        if name in DECIDED:
            found.settled += survival.words("".join((*part.base, *part.ours, *part.theirs)))
    found.text = "".join(merged) if is_whole else None
    return found


def _decide(place: Place, known: Sequence[tuple[str, Rule]]) -> tuple[str | None, list[str] | None]:
    for name, rule in known:
        lines = rule(place)
        if lines is not None:
            return name, lines
    return None, None


def _recall(remembered: Remembered) -> Rule:
    def rule(place: Place) -> list[str] | None:
        found = remembered(memory.key_of(place.chunk))
        return None if found is None else lines_of(found.decode("utf-8", "surrogateescape"))

    return rule


def _unchanged(parts: Sequence[diff3.Chunk[str]], *, backwards: bool = False) -> list[str]:
    """Return the lines of parts, nearest first, up to the first on which the sides differ."""
    near = takewhile(lambda part: part.ours == part.theirs, parts)
    return [line for part in near for line in (part.ours[::-1] if backwards else part.ours)]


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that ends in a line break, with their breaks; only \\n breaks lines."""
    return [line + "\n" for line in text.split("\n")[:-1]]
