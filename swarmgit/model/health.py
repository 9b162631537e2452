"""How a session does: what is measured of it, and what that means."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

Health = Literal["working", "idle", "rate-limited", "prompt-blocked", "stalled", "zombie", "done"]
Verdict = Literal["working", "stalled", "zombie", "confused", "prompt_blocked"]
Remedy = Literal["wait", "nudge", "restart", "handoff", "escalate"]


OUTPUT_BYTES_MAX = 256 << 20
"""What each stream of a session may print where nothing else is said."""


class Vitals(Struct, frozen=True):
    """Measured of a session's whole process tree at `at`. `cpu_share`: of one processor since the measure before.

    `disk_mb`: its worktree and folder, at least; None: not measured yet. `uncounted`: why that is not all, as the end
    of a sentence. `failed`: why the figures are old.
    """

    at: datetime
    memory_mb: float
    cpu_s: float
    cpu_share: float = 0.0
    disk_mb: float | None = None
    uncounted: str = ""
    failed: str = ""


class Vigil(Struct, frozen=True):
    """How a session was looked after. `at`: the last look by the wall clock; `awake_s`: by the clock of this machine
    that stands still while it sleeps.

    `sign`: the time stamp of its last output then. `heard`: since when it says nothing, sleep not counted. `since`:
    the first look after the last gap, None where there was none: nothing is stopped at once then. `missed_s`: what of
    its time does not count, because the machine slept, the clock was set or nobody looked (negative where the clock
    was set back). `waited_s`: how long it sat out limits of its provider, and `limited` until when it does.
    """

    at: datetime
    awake_s: float
    sign: datetime | None
    heard: datetime
    since: datetime | None = None
    missed_s: float = 0.0
    waited_s: float = 0.0
    limited: datetime | None = None


class Repetition(Struct, frozen=True):
    """How many lines in a row said nothing that was not said just before, and since when."""

    lines: int = 0
    since: datetime | None = None


class Hearing(Struct, frozen=True):
    """How well a session is heard. `unread`: bytes that it has printed and nobody has read yet.

    `passed_over`: bytes that nobody will read, there were too many. `deaf`: why nothing more of it is read, '' while it
    is. `was_rewritten`: what was read of its output was not there any more, or was something else.
    """

    unread: int = 0
    passed_over: int = 0
    deaf: str = ""
    was_rewritten: bool = False


class Condition(Struct, frozen=True):
    """What the first tier of the watchdog sees. `is_repeating`: it prints, but always the same."""

    health: Health
    reason: str = ""
    is_repeating: bool = False


class Triage(Struct, frozen=True):
    """The second tier's answer: what is the matter, why, and what to do. `by`: who said it, '' for the heuristic."""

    verdict: Verdict
    reason: str
    remedy: Remedy
    by: str = ""


class Excess(Struct, frozen=True):
    """How a session wrote more than it may: to a stream of its output, or in all."""

    what: Literal["output", "disk"]
    used_bytes: int
    max_bytes: int

    @property
    def sentence(self) -> str:
        """Return what was exceeded and by which limit."""
        used, allowed = (f"{size / (1 << 20):.1f} MB" for size in (self.used_bytes, self.max_bytes))
        if self.what == "disk":
            return f"disk-limit: it has written {used} in all; limits.disk_gb in .swarm/policy.yaml allows {allowed}"
        return (
            f"output-limit: a stream of its output came to {used}; limits.output_mb in .swarm/policy.yaml, "
            f"which is never more than limits.disk_gb, allows {allowed}"
        )


class DiskUse(Struct, frozen=True):
    """What a session's files take, in bytes. `is_whole`: the count has come to its end; else it is what it has so far.

    `uncounted`: why even then not all is counted, as the end of a sentence.
    """

    used: int
    is_whole: bool
    uncounted: str = ""
