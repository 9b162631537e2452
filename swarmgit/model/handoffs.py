"""A handoff: one session's work goes on in another, which knows no more of it than a summary says."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from swarmgit.model.ids import SessionId


class Summary(Struct, frozen=True):
    """Where the work stands, in few sentences each. `surprises`: what a successor would not expect."""

    state: str
    done: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    surprises: tuple[str, ...] = ()


class Acceptance(Struct, frozen=True):
    """What a successor has found, and what it does first: so it is seen that it knows where it is."""

    state: str
    next: str = ""


class Handoff(Struct, frozen=True):
    """Kept with the attempt that handed over. `by`: who wrote the summary, the session or swarmgit.

    `successor` went on; `accepted`: when it said so, and `acceptance` is what it said. `unanswered`: why nobody waits
    for that any more.
    """

    at: datetime
    reason: str
    summary: Summary
    by: Literal["session", "swarmgit"] = "swarmgit"
    successor: SessionId | None = None
    accepted: datetime | None = None
    acceptance: str = ""
    unanswered: str = ""

    @property
    def is_pending(self) -> bool:
        return self.accepted is None and not self.unanswered
