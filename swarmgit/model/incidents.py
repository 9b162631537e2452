"""Incidents: what went wrong beyond an agent's ordinary work, and what people found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from swarmgit.model.ids import AgentName, SessionId, TaskId

Detection = Literal["rule", "triage", "person", "gate", "merge queue", "mail", "session"]
"""Who found it. Incidents of earlier versions say `tier 1: mechanical`, `tier 2: triage`, `tier 3: a person`."""

COUNTED_PER_HOUR = 50
"""Refused letters of one sender that are recorded in an hour."""


class Alert(Struct, frozen=True):
    """Something that is an incident: which kind of the catalogue (`plan/incidents/catalogue.py`), and its facts.

    `facts` fill the texts of the kind. `detection`: where it is another one than the kind's.
    """

    kind: str
    agent: AgentName | None = None
    task: TaskId | None = None
    session: SessionId | None = None
    facts: Mapping[str, str] = {}
    detection: Detection | None = None
    is_urgent: bool = False


def facts(**known: object) -> dict[str, str]:
    """Return the facts of an alert; what is None is not known, and what needs it is left out."""
    return {name: str(fact) for name, fact in known.items() if fact is not None}


class ForgetAlerts(Struct, frozen=True):
    """An action: drop the notes of what went wrong outside of any plan. The incidents that tell of it are recorded."""

    alerts: tuple[Alert, ...]


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
