"""What sessions use, and the sessions beside a task's attempts that used something for it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from swarmgit.model.ids import AgentName, SessionId


class Usage(Struct, frozen=True):
    """Tokens as the runtime reports them. `usd` None: unknown, which is not the same as free."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd: float | None = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class Aside(Struct, frozen=True):
    """A session that resolved a conflict of a task's work, or judged a session of it that looked stuck.

    `retry_at`: its provider asked for a pause until then.
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
