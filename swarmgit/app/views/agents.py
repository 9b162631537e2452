"""The JSON shapes of `agents`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmgit.app.names import find
from swarmgit.app.views.status import agent_row
from swarmgit.app.views.times import stamp
from swarmgit.plan import cv

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def agents_document(look: Look) -> dict[str, Any]:
    """Return `agents --json`."""
    return {"version": 1, "agents": [agent_row(look, each) for _, each in sorted(look.observed.identities.items())]}


def agent_document(look: Look, name: str) -> dict[str, Any]:
    """Return `agents show --json`: the record by model and by domain, and the last sessions."""
    identities = look.observed.identities
    identity = identities[find(name, identities, "agent")]
    return {
        "version": 1,
        **agent_row(look, identity),
        "created": stamp(identity.created),
        "first_pass": identity.first_pass,
        "tokens_per_task": cv.tokens_per_task(identity),
        "usd_per_task": cv.usd_per_task(identity),
        "strengths": list(cv.strengths(identity)),
        "by_model": {model: dict(counts) for model, counts in identity.by_model.items()},
        "by_domain": {domain: dict(counts) for domain, counts in identity.by_domain.items()},
        "by_kind": {kind: dict(counts) for kind, counts in identity.by_kind.items()},
        "recent": [dict(each) for each in identity.recent],
    }
