"""The catalogue of incidents: one row for each kind. `docs/incidents.md` is made from it."""

from __future__ import annotations

from swarmgit.plan.incidents import sessions, swarm
from swarmgit.plan.incidents.kind import IncidentKind

CATALOGUE: dict[str, IncidentKind] = {kind.name: kind for kind in (*sessions.KINDS, *swarm.KINDS)}
