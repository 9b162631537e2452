"""Incidents: what went wrong beyond an agent's ordinary work, and what people found out about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from swarmgit.model.ids import AgentName, SessionId, TaskId

Detection = Literal[
    "tier 1: mechanical", "tier 2: triage", "tier 3: a person", "gate", "merge queue", "mail", "session"
]


@dataclass(frozen=True, slots=True)
class Report:
    """One occurrence of something. The same `signature` is the same incident; the same `key` the same occurrence.

    `answers`: the commands by which a person goes on. `is_urgent`: a person is told by mail.
    """

    signature: str
    key: str
    title: str
    what: str
    detection: Detection
    agent: AgentName | None = None
    task: TaskId | None = None
    session: SessionId | None = None
    cause: str = ""
    resolution: str = ""
    prevention: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class ForgetReports:
    """An action: drop the notes of what went wrong outside of any plan. The incidents that tell of it are recorded."""

    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Occurrence:
    at: datetime
    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Note:
    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Incident:
    """`count`: how often it occurred; `occurrences` has the last ones. `earlier`: closed incidents of the same kind."""

    id: str
    signature: str
    title: str
    opened: datetime
    detection: str
    state: Literal["open", "closed"] = "open"
    count: int = 1
    occurrences: tuple[Occurrence, ...] = ()
    agents: tuple[AgentName, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    sessions: tuple[SessionId, ...] = ()
    cause: str = ""
    resolution: str = ""
    prevention: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    closed: datetime | None = None
    closed_by: str = ""

    @property
    def last(self) -> datetime:
        return max((each.at for each in self.occurrences), default=self.opened)


@dataclass(frozen=True, slots=True)
class IncidentControl:
    """What a person asked for: a new incident (`title`), a note on one, or that it is closed."""

    incident: str | None = None
    title: str = ""
    text: str = ""
    cause: str = ""
    prevention: tuple[str, ...] = field(default=())
    is_closed: bool = False
    by: str = ""
    at: datetime | None = None
