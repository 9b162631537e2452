"""What earlier versions wrote otherwise: read as it is written now, and written so by the next change."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.endings import OLD_KILLED, kind_in
from swarmgit.model.status import Attempt, TaskStatus


def status(found: TaskStatus) -> TaskStatus:
    """Return a task's status with causes for the ends of its attempts, which were in their reasons only."""
    return replace(found, attempts=tuple(_attempt(each) for each in found.attempts))


def _attempt(attempt: Attempt) -> Attempt:
    """Return an attempt of an earlier swarmgit with the cause that its reason stood for."""
    if attempt.cause or attempt.outcome == "running":
        return attempt
    is_killed = attempt.outcome == "lost" and attempt.reason == OLD_KILLED
    return replace(attempt, cause="program-killed" if is_killed else kind_in(attempt.reason) or "")
