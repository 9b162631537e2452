"""The JSON shapes of `convoy`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swarmgit.app.views.times import stamp_or_none
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.plan.priorities import raised

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def convoys_document(convoys: Iterable[ConvoyStatus]) -> dict[str, Any]:
    """Return `convoy list --json`; a convoy without any task is not listed."""
    return {"version": 1, "convoys": [convoy_row(convoy) for convoy in convoys if convoy.total]}


def convoy_document(look: Look, convoy: ConvoyStatus) -> dict[str, Any]:
    """Return `convoy show --json` without its budget; `priorities`: that of each member, and whether it is raised."""
    asked, higher = look.desired.convoys.get(convoy.convoy), raised(look.desired)
    tasks = (look.desired.tasks[name] for name in convoy.members if name in look.desired.tasks)
    return {
        **convoy_row(convoy),
        "priority": asked.priority if asked else None,
        "priorities": {
            task.id: {
                "priority": higher[task.id].priority if task.id in higher else task.priority,
                "from": higher[task.id].convoy if task.id in higher else None,
            }
            for task in tasks
        },
    }


def convoy_row(convoy: ConvoyStatus) -> dict[str, Any]:
    """Return one convoy; `members` maps each task to its phase."""
    return {
        "id": convoy.convoy,
        "title": convoy.title,
        "state": convoy.state,
        "done": convoy.done,
        "total": convoy.total,
        "cancelled": sum(phase == "cancelled" for phase in convoy.members.values()),
        "reason": convoy.reason,
        "members": dict(convoy.members),
        "closed": stamp_or_none(convoy.closed),
    }
