"""The machine that swarmgit runs on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""

    def awake_s(self) -> float:
        """Return how long this machine has been awake since its start, in seconds: the same for all processes."""


class Doorbell(Protocol):
    """Wakes the loop. Losing a ring costs a delay, never a wrong state."""

    def wait(self, timeout_s: float) -> bool:
        """Return True when something rang (rings since the last call count once), False after `timeout_s`."""

    def watch(self, path: Path) -> None:
        """Ring for this folder too."""

    def unwatch(self, path: Path) -> None:
        """Ring for this folder no more."""

    def close(self) -> None:
        """Stop watching."""


class Machine(Protocol):
    @property
    def environment(self) -> str:
        """Return the fingerprint of the surroundings that goes into evidence keys."""

    @property
    def host_env(self) -> Mapping[str, str]:
        """Return the variables that sessions and gates get of the person's environment."""

    def port_is_free(self, port: int) -> bool:
        """Return whether nobody listens on a port of the loopback."""

    def doorbell(self) -> Doorbell:
        """Return what rings when a session ends, or when the target or the state moves."""
