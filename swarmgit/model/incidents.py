"""Incidents: what went wrong beyond an agent's ordinary work, and what people found out about it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from swarmgit.model.ids import AgentName, SessionId, TaskId

Detection = Literal[
    "tier 1: mechanical", "tier 2: triage", "tier 3: a person", "gate", "merge queue", "mail", "session"
]


COUNTED_PER_HOUR = 50
"""Refused letters of one sender that are recorded in an hour."""


class Report(Struct, frozen=True):
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


class ForgetReports(Struct, frozen=True):
    """An action: drop the notes of what went wrong outside of any plan. The incidents that tell of it are recorded."""

    reports: tuple[Report, ...]


class Occurrence(Struct, frozen=True):
    at: datetime
    key: str
    what: str


class Note(Struct, frozen=True):
    at: datetime
    by: str
    text: str


class Incident(Struct, frozen=True):
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
    def is_at_least(self) -> bool:
        """Return whether it may have happened more often than counted: of a flood of letters some leave no trace."""
        return self.signature.startswith("mail/") and self.count >= COUNTED_PER_HOUR

    @property
    def last(self) -> datetime:
        return max((each.at for each in self.occurrences), default=self.opened)


class IncidentControl(Struct, frozen=True):
    """What a person asked for: a new incident (`title`), a note on one, or that it is closed."""

    incident: str | None = None
    title: str = ""
    text: str = ""
    cause: str = ""
    prevention: tuple[str, ...] = field(default=())
    is_closed: bool = False
    by: str = ""
    at: datetime | None = None
