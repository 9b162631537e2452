"""Conditions: the same facts as the phase, one by one, each with the time since which it holds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from swarmgit.model.ids import BlobId
from swarmgit.model.status import FINISHED, Condition, TaskStatus

Truth = Literal["true", "false", "unknown"]


def of(status: TaskStatus, stored: TaskStatus | None, now: datetime) -> tuple[Condition, ...]:
    """Return a status's conditions; one that says the same as before keeps its time."""
    before = {condition.type: condition for condition in (stored.conditions if stored else ())}
    return tuple(
        _since(
            Condition(
                type=type_,
                status=truth,
                reason=reason,
                message=message,
                since=now,
                observed_generation=_generation(status),
            ),
            before.get(type_),
        )
        for type_, truth, reason, message in _facts(status)
    )


def _since(condition: Condition, before: Condition | None) -> Condition:
    same = before is not None and (before.status, before.reason, before.message, before.observed_generation) == (
        condition.status,
        condition.reason,
        condition.message,
        condition.observed_generation,
    )
    return before if same and before is not None else condition


def _generation(status: TaskStatus) -> BlobId | None:
    return status.last.generation if status.last else status.generation


def _facts(status: TaskStatus) -> tuple[tuple[str, Truth, str, str], ...]:
    is_done = status.phase in FINISHED
    started: Truth = "true" if status.attempts else "false"
    verified: Truth = (
        "true"
        if status.phase in {"queued", "landed", "reverted", "unchanged", "reported"}
        else "unknown"
        if status.phase in {"waiting", "running", "verifying"}
        else "false"
    )
    detail = status.reason if not is_done else ""
    return (
        ("Started", started, "AttemptMade" if status.attempts else "NoAttempt", detail if started == "false" else ""),
        ("Verified", verified, status.phase, detail if verified == "false" else ""),
        ("Finished", "true" if is_done else "false", status.phase, status.reason),
    )
