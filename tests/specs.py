"""Facts of sessions for tests that need one and care for few of its fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from swarmgit.model.ids import AgentName, BlobId, CommitId, EntryId, EvidenceKey, GateName, SessionId, TaskId, TreeId
from swarmgit.model.sessions import AgentSpec, SessionSpec

Kind = TypeVar("Kind", bound=SessionSpec)
FACTS = {
    "base": CommitId("a" * 40),
    "started": datetime(2026, 3, 4, 8, 12, tzinfo=UTC),
    "minutes_max": 60.0,
    "task": TaskId("a"),
    "attempt": 1,
    "agent": AgentName("builder-01"),
    "generation": BlobId("b" * 40),
    "entry": EntryId("e1"),
    "head": CommitId("d" * 40),
    "watched": SessionId("s1"),
    "gate": GateName("test"),
    "key": EvidenceKey("k"),
    "tree": TreeId("c" * 40),
}


def spec_of(kind: type[Kind], id_: str = "s1", **fields: Any) -> Kind:
    """Return the facts of a session of a kind."""
    known = {name: value for name, value in FACTS.items() if name in kind.__struct_fields__}
    return kind(**{**known, "id": SessionId(id_), **fields})


def agent_spec(id_: str = "s1", **fields: Any) -> AgentSpec:
    """Return the facts of an agent's session."""
    return spec_of(AgentSpec, id_, **fields)
