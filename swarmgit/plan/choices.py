"""The question of which trees to gate, and its answer, as values. A *stack* is entries merged one on the other."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from swarmgit.model.ids import CommitId, EntryId
from swarmgit.model.queue import Why

Stack = tuple[EntryId, ...]


class Known(Struct, frozen=True):
    """What gates said about one stack's tree: runs that ended green or red, and whether one runs now."""

    base: CommitId
    stack: Stack
    greens: int = 0
    reds: int = 0
    is_running: bool = False

    @property
    def is_green(self) -> bool:
        return self.greens > 0

    @property
    def is_red(self) -> bool:
        return self.reds > 0 and not self.greens


class Rates(Struct, frozen=True):
    """Chances: `bad` that an entry is red by itself, `clash` that it is with others, `flaky` that a run lies."""

    bad: float = 0.1
    clash: float = 0.02
    flaky: float = 0.02


class Line(Struct, frozen=True):
    """The question. `entries` wait, first to land first. `chances`: an entry's own chance to be bad, where known.

    `near`: entries with overlapping scopes; they are never screened apart from each other. `retries`: how often a red
    tree runs again. `batch_max`: entries in one stack at most. `together`: entries that land with each other or not at
    all (they stand side by side in `entries`).
    """

    target: CommitId
    entries: Stack
    known: tuple[Known, ...]
    slots_free: int
    slots: int
    rates: Rates = Rates()
    retries: int = 1
    batch_max: int = 64
    is_target_red: bool = False
    chances: Mapping[EntryId, float] = field(default_factory=dict)
    near: Mapping[EntryId, frozenset[EntryId]] = field(default_factory=dict)
    together: Mapping[EntryId, frozenset[EntryId]] = field(default_factory=dict)

    def chance(self, entry: EntryId) -> float:
        own = self.chances.get(entry, self.rates.bad)
        return min(0.9, max(0.001, 1.0 - (1.0 - own) * (1.0 - self.rates.clash)))

    def is_whole(self, stack: Stack) -> bool:
        """Return whether the stack has all or none of those that land together."""
        inside = set(stack)
        return all(inside.issuperset(self.together.get(entry, ())) for entry in stack)

    def without(self, gone: set[EntryId]) -> Stack:
        """Return those in line that may go on while the entries in `gone` do not."""
        return tuple(e for e in self.entries if e not in gone and gone.isdisjoint(self.together.get(e, frozenset())))


class Ask(Struct, frozen=True):
    base: CommitId
    stack: Stack
    why: Why


class Blame(Struct, frozen=True):
    """`green` on `base` is green (or is `base` itself, which has landed); with `entry` on top it is red each time."""

    entry: EntryId
    base: CommitId
    green: Stack
    reds: int


class Choice(Struct, frozen=True):
    """The answer. `needed`: runs under way that still say something; the others may be stopped."""

    land: Stack = ()
    gate: tuple[Ask, ...] = ()
    evict: tuple[Blame, ...] = ()
    needed: tuple[Known, ...] = ()


class Search(Struct, frozen=True):
    """A red stack, cut to the part behind its longest green prefix: one of `suspects` is bad, or the run lied."""

    red: Known
    green: Stack

    @property
    def suspects(self) -> Stack:
        return self.red.stack[len(self.green) :]
