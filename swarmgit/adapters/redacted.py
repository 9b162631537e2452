"""The state branch behind the one gate that everything written to it passes: no secret gets through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from swarmgit.model.ids import CommitId
from swarmgit.ports.store import Secrets, StateStore


class RedactedState:
    """ports.StateStore over another one."""

    def __init__(self, state: StateStore, secrets: Secrets) -> None:
        self._state = state
        self._secrets = secrets
        self.head = state.head
        self.sync_checkout = state.sync_checkout
        self.link_run = state.link_run
        self.put_back = state.put_back
        self.reset = state.reset

    def write(self, changes: Mapping[str, bytes | None], message: str, at: datetime) -> CommitId | None:
        """Write what is left after redaction."""
        redact = self._secrets.redact
        clean = {path: None if content is None else redact(content, path) for path, content in changes.items()}
        return self._state.write(clean, redact(message.encode(), "a message of the state branch").decode(), at)
