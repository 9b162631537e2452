"""What a session may write (limits of policy.yaml): who is stopped for more, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from swarmgit.model.endings import Stop
from swarmgit.model.health import Excess
from swarmgit.model.sessions import Session
from swarmgit.model.status import Rejection
from swarmgit.plan.situation import Situation

UNHEARD = "what keeps its output has ended, so that nothing it says would be known"
OUTCOMES: Mapping[str, Literal["output-limit", "disk-limit"]] = {"output": "output-limit", "disk": "disk-limit"}
_MB, _GB = 1 << 20, 1 << 30


def of(situation: Situation, session: Session) -> Excess | None:
    """Return how a session wrote more than it may: as its own folder says, or as it was measured."""
    if session.excess is not None or session.vitals is None or session.vitals.disk_mb is None:
        return session.excess
    used, allowed = int(session.vitals.disk_mb * _MB), int(situation.desired.policy.limits.disk_gb * _GB)
    return Excess("disk", used, allowed) if used > allowed else None


def stop(situation: Situation, session: Session) -> Stop | None:
    """Return that a session has to end for what it writes, or because nobody hears it; None where it may go on."""
    found = of(situation, session)
    if found is not None:
        return Stop(found.sentence, "limit")
    return Stop(UNHEARD, "unheard") if session.is_unheard else None


def is_unheard(session: Session) -> bool:
    """Return whether a session ended unheard, which says nothing of its work."""
    if session.stop is None:
        return session.is_unheard
    return session.stop.kind == "unheard"


def rejection(reason: str) -> Rejection:
    return Rejection(
        kind="stopped",
        summary=f"the session was stopped: {reason}",
        next_step="Go on from the work that is kept, and write less: send long output to a file and look at parts of "
        "it, and delete what you do not need.",
    )
