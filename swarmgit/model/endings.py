"""How an attempt ends, and what that means for the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

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
