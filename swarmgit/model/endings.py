"""How sessions and attempts end, and what that means for the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

StopKind = Literal[
    "unwanted",
    "time-limit",
    "budget",
    "watchdog",
    "handoff",
    "watchdog-handoff",
    "limit",
    "unheard",
    "unreadable",
]
"""Why a session is stopped. `unwanted`: nobody needs it any more. `watchdog-handoff`: stuck, and a successor goes on.

`limit`: it wrote more than it may. `unheard`: what keeps its output has ended. `unreadable`: it cannot be followed.
"""


class Stop(Struct, frozen=True):
    """That a session has to end. `text` is for people; what follows from it is decided by `kind`."""

    text: str
    kind: StopKind = "unwanted"

    @property
    def is_handoff(self) -> bool:
        """Whether a successor goes on with the work."""
        return self.kind in {"handoff", "watchdog-handoff"}


AttemptOutcome = Literal[
    "running",
    "submitted",
    "no-change",
    "rejected",
    "conflict",
    "failed",
    "timeout",
    "lost",
    "error",
    "cancelled",
    "rate-limited",
    "transient",
    "refused",
    "over-budget",
    "output-limit",
    "disk-limit",
    "handed-over",
    "landed",
    "unchanged",
    "reported",
]
KILLED = 128 + 9
"""The exit code of a program that was killed."""

Cause = Literal["", StopKind, "program-killed"]
"""Why a session ended, where an attempt's outcome alone does not say it."""

OLD_SENTENCES: Mapping[str, StopKind] = {
    "time limit": "time-limit",
    "budget: ": "budget",
    "watchdog: handoff: ": "watchdog-handoff",
    "watchdog: ": "watchdog",
    "handoff: ": "handoff",
    "what keeps its output has ended": "unheard",
    "it cannot be followed": "unreadable",
}
OLD_KILLED = "its program was killed from outside, or killed itself"
"""How the sentences began that stood for a cause before there was one: sessions and records outlive an upgrade."""


def kind_in(sentence: str) -> StopKind | None:
    """Return the kind of stop that a sentence of an earlier swarmgit stands for."""
    return next((kind for start, kind in OLD_SENTENCES.items() if sentence.startswith(start)), None)


BY_WATCHDOG: frozenset[Cause] = frozenset({"watchdog", "watchdog-handoff"})

LIMITED: frozenset[str] = frozenset({"over-budget", "output-limit", "disk-limit"})
"""Outcomes of sessions that were stopped at a limit; the next one goes on with their work."""

CHARGED: frozenset[str] = frozenset({"rejected", "failed", "timeout"}) | LIMITED
"""Outcomes that use up an attempt; the rest is not the agent's doing, and bounded apart. `refused`: by the provider."""

PAUSES: frozenset[str] = frozenset({"rate-limited", "transient"})
"""After these the same conversation goes on later."""

LOST_FREE_MAX = 2
"""So many lost sessions of a task are the machine's doing; those beyond use up attempts: agents can cause them."""


def used_up(outcomes: Iterable[str]) -> int:
    """Return how many attempts these ends use up."""
    ends = tuple(outcomes)
    return sum(end in CHARGED for end in ends) + max(0, ends.count("lost") - LOST_FREE_MAX)
