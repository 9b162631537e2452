"""How far a convoy is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from swarmgit.model.ids import ConvoyId, TaskId

ConvoyState = Literal["open", "incomplete", "closed"]


class ConvoyStatus(Struct, frozen=True):
    """A convoy's progress. `members`: the phase of each. `incomplete`: one of them waits for a person."""

    convoy: ConvoyId
    title: str
    state: ConvoyState = "open"
    done: int = 0
    total: int = 0
    reason: str = ""
    members: Mapping[TaskId, str] = field(default_factory=dict)
    closed: datetime | None = None
