"""The JSON shapes of `agents`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmgit.app.names import find
from swarmgit.app.views.status import agent_row
from swarmgit.app.views.times import stamp

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
        "by_model": {model: dict(counts) for model, counts in identity.by_model.items()},
        "by_domain": {domain: dict(counts) for domain, counts in identity.by_domain.items()},
        "recent": [dict(each) for each in identity.recent],
    }
