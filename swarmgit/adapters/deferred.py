"""A part of the world that is made when something of it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Deferred:
    """Stands for what `make` returns, once and for all threads. A command that only looks never pays for it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._part: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the part has
        self.ready()
        return getattr(self._part, name)

    def ready(self) -> None:
        """Make the part now."""
        with self._lock:
            if self._part is None:
                self._part = self._make()

    def close(self) -> None:
        """Close the part if it was made."""
        if self._part is not None and hasattr(self._part, "close"):
            self._part.close()
