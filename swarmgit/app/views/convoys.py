"""The JSON shapes of `convoy`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarmgit.app.views.times import stamp_or_none
from swarmgit.model.convoys import ConvoyStatus


def convoys_document(convoys: Iterable[ConvoyStatus]) -> dict[str, Any]:
    """Return `convoy list --json`; a convoy without any task is not listed."""
    return {"version": 1, "convoys": [convoy_row(convoy) for convoy in convoys if convoy.total]}


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
