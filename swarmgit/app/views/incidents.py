"""The JSON shapes of `incident`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swarmgit.app.views.times import stamp, stamp_or_none
from swarmgit.model.incidents import Incident


def incidents_document(incidents: Iterable[Incident]) -> dict[str, Any]:
    """Return `incident list --json`."""
    return {"version": 1, "incidents": [incident_row(incident) for incident in incidents]}


def incident_row(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "title": incident.title,
        "state": incident.state,
        "count": incident.count,
        "is_at_least": incident.is_at_least,
        "opened": stamp(incident.opened),
        "last": stamp(incident.last),
        "detection": incident.detection,
        "agents": list(incident.agents),
        "tasks": list(incident.tasks),
        "signature": incident.signature,
    }


def incident_document(incident: Incident) -> dict[str, Any]:
    """Return `incident show --json`."""
    return {
        **incident_row(incident),
        "sessions": list(incident.sessions),
        "what_happened": [{"at": stamp(each.at), "what": each.what} for each in incident.occurrences],
        "root_cause": incident.cause,
        "resolution": incident.resolution,
        "prevention": list(incident.prevention),
        "answers": list(incident.answers),
        "earlier": list(incident.earlier),
        "notes": [{"at": stamp(each.at), "by": each.by, "text": each.text} for each in incident.notes],
        "closed": stamp_or_none(incident.closed),
        "closed_by": incident.closed_by,
    }
