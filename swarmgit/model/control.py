"""What a person asked for from the command line: written by commands into state, only read by the tick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TaskControl:
    """What a person asked for a task from the command line; written by commands, only read by the tick."""

    paused: bool = False
    cancelled: bool = False
    restart: str | None = None
    by: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class QueueControl:
    """A person's brake on landings only; gates go on."""

    paused: bool = False
    by: str = ""
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EntryControl:
    """What a person asked for one entry. `retry`: red answers from before then do not count."""

    urgent: bool = False
    dropped: bool = False
    retry: datetime | None = None
    by: str = ""
    reason: str = ""
    at: datetime | None = None
