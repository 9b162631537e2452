"""The state branch behind the one gate that everything written to it passes: no value of a credential gets through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from swarmgit.model.ids import CommitId
from swarmgit.ports import StateStore


class RedactedState:
    """ports.StateStore over another one."""

    def __init__(self, state: StateStore, redact: Callable[[bytes], bytes]) -> None:
        self._state = state
        self._redact = redact
        self.head = state.head
        self.sync_checkout = state.sync_checkout
        self.link_run = state.link_run

    def write(self, changes: Mapping[str, bytes | None], message: str, at: datetime) -> CommitId | None:
        """Write what is left after redaction."""
        clean = {path: None if content is None else self._redact(content) for path, content in changes.items()}
        return self._state.write(clean, self._redact(message.encode()).decode(), at)
