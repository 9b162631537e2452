"""What sessions use, and the sessions beside a task's attempts that used something for it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from swarmgit.model.ids import AgentName, SessionId

Voice = Literal["session", "account"]
"""For whom somebody can speak: `account`, a program in a channel of its own, where no model and no tool speaks."""


class Usage(Struct, frozen=True):
    """Tokens as the runtime reports them. `usd` None: unknown, which is not the same as free.

    `at_least`: its program had not said all when it ended, so that it is at least this much; nobody knows the rest.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd: float | None = None
    at_least: bool = False

    @property
    def is_unpriced(self) -> bool:
        """Whether something was used whose price nobody knows."""
        return self.usd is None and (self.tokens > 0 or self.at_least)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class Aside(Struct, frozen=True):
    """A session that resolved a conflict of a task's work, or judged a session of it that looked stuck.

    `retry_at`: its provider asked for a pause until then; `speaks_for`: whom that binds.
    """

    session: SessionId
    kind: Literal["merge", "triage"]
    agent: AgentName
    runtime: str
    started: datetime
    ended: datetime
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    outcome: str = ""
    retry_at: datetime | None = None
    speaks_for: Voice = "session"
