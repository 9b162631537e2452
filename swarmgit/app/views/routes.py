"""The JSON shape of `route`."""

from __future__ import annotations

from typing import Any

from swarmgit.plan.routing import Route


def route_document(task: str, found: Route) -> dict[str, Any]:
    """Return `route --json`; candidates as they stand, the best first."""
    ranked = sorted(found.candidates, key=lambda each: (-each.score, each.agent))
    return {
        "version": 1,
        "task": task,
        "kind": found.kind,
        "agent": found.agent,
        "reason": found.reason,
        "exploring": found.is_exploring,
        "prior": round(found.prior, 3),
        "candidates": [
            {
                "agent": each.agent,
                "standing": each.standing,
                "won": each.won,
                "tried": each.tried,
                "related_won": each.related.won,
                "related_tried": each.related.tried,
                "bound": each.bound,
                "load": each.load,
                "score": each.score,
            }
            for each in ranked
        ],
    }
