"""The one place that reads the clocks of this machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from msgspec import Struct


class SystemClock(Struct, frozen=True):
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    def awake_s(self) -> float:
        """Return seconds since this machine was started, by a clock that stands still while it sleeps.

        All processes read the same one. Nobody can set it.
        """
        return time.monotonic()
