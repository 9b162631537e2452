"""How an attempt ends, and what that means for the next."""

from __future__ import annotations

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
LIMITED: frozenset[str] = frozenset({"over-budget", "output-limit", "disk-limit"})
"""Outcomes of sessions that were stopped at a limit; the next one goes on with their work."""

CHARGED: frozenset[str] = frozenset({"rejected", "failed", "timeout"}) | LIMITED
"""Outcomes that use up an attempt; the rest is not the agent's doing, and bounded apart. `refused`: by the provider."""

PAUSES: frozenset[str] = frozenset({"rate-limited", "transient"})
"""After these the same conversation goes on later."""
