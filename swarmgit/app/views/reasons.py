"""Why a task is where it is, as programs see it: the same value in `why`, `status` and mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmgit.app.views.times import stamp
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.status import TaskStatus

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def reason_of(look: Look, status: TaskStatus) -> Reason | None:
    """Return why a task is where it is; None where it is finished, or nobody has looked at it."""
    drift = look.observed.drift.get(status.task)
    if drift is not None and drift.kind == "gone" and status.landed_commit:
        return reason("landing gone", status.reason, task=status.task)
    if status.task in look.observed.unreadable:
        return reason("state unreadable", status.reason)
    if status.finished is None and status.task in look.desired.held and status.task not in look.plan.reasons:
        return reason("valid intent", status.reason)
    return look.plan.reasons.get(status.task)


def reason_row(look: Look, status: TaskStatus) -> dict[str, Any] | None:
    """Return a reason as JSON. `since`: since when its text holds; None where that was not written down yet."""
    why = reason_of(look, status)
    if why is None:
        return None
    stored = look.observed.statuses.get(status.task)
    since = next((each.since for each in stored.conditions if each.message == why.text), None) if stored else None
    return {
        "kind": why.kind,
        "text": why.text,
        "command": why.command,
        "if_ignored": why.if_ignored,
        "since": stamp(since) if since else None,
    }
