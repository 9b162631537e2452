"""The JSON shapes of what waits for a person's verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmgit.app.reviews import OpenReview
from swarmgit.app.views.tasks import result_row
from swarmgit.app.views.times import stamp

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def review_row(each: OpenReview) -> dict[str, Any]:
    entry = each.entry
    return {
        "entry": entry.id,
        "task": entry.task,
        "title": each.title,
        "agent": entry.agent,
        "session": entry.session,
        "model": entry.model,
        "why": each.why,
        "guarded": list(entry.guarded),
        "since": stamp(each.since),
        "command": f"swarmgit review show {entry.task}",
    }


def reviews_document(found: tuple[OpenReview, ...]) -> dict[str, Any]:
    """Return `review list --json`, the oldest question first."""
    return {"version": 1, "reviews": [review_row(each) for each in found]}


def review_document(seen: Look, each: OpenReview, diff: str) -> dict[str, Any]:
    """Return `review show --json`: the task, what its gates said, and the difference that a verdict is about."""
    task = seen.desired.tasks.get(each.entry.task)
    status = seen.observed.statuses.get(each.entry.task)
    last = status.last if status is not None else None
    return {
        "version": 1,
        **review_row(each),
        "description": task.description if task else "",
        "scope": list(task.scope.owns) if task else [],
        "base": each.old,
        "head": each.new,
        "round": each.round,
        "gates": [result_row(result) for result in (last.gates if last else ())],
        "diff": diff,
    }
