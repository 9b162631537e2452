"""How a session does: what is measured of it, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Health = Literal["working", "idle", "rate-limited", "prompt-blocked", "stalled", "zombie", "done"]
Verdict = Literal["working", "stalled", "zombie", "confused", "prompt_blocked"]
Remedy = Literal["wait", "nudge", "restart", "handoff", "escalate"]


@dataclass(frozen=True, slots=True)
class Vitals:
    """Measured of a session's whole process tree at `at`. `cpu_share`: of one processor since the measure before.

    `disk_mb`: its worktree; None: not measured yet, or there is too much to count.
    """

    at: datetime
    memory_mb: float
    cpu_s: float
    cpu_share: float = 0.0
    disk_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Repetition:
    """How many lines in a row said nothing that was not said just before, and since when."""

    lines: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What the first tier of the watchdog sees. `is_repeating`: it prints, but always the same."""

    health: Health
    reason: str = ""
    is_repeating: bool = False


@dataclass(frozen=True, slots=True)
class Triage:
    """The second tier's answer: what is the matter, why, and what to do. `by`: who said it, '' for the heuristic."""

    verdict: Verdict
    reason: str
    remedy: Remedy
    by: str = ""
