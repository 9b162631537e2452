"""Which ranges of ports a session could have: looked for when somebody asks, by trying each port."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

PORT_FIRST = 10240
REGIONS = 55
REGION_PORTS = 400
RANGES_MAX = 100
"""Ranges that one look tries."""


class PortRanges:
    """Finds ranges for the sessions of one repository.

    Each repository begins in a region of its own, chosen by its store's path, below the ephemeral ports of Linux; so
    two of them seldom meet. What is still taken is stepped over.
    """

    def __init__(self, store: Path, is_free: Callable[[int], bool]) -> None:
        self._first = zlib.crc32(str(store).encode("utf-8", "surrogateescape")) % REGIONS * REGION_PORTS
        self._is_free = is_free

    def free(self, count: int, taken: AbstractSet[int]) -> tuple[int, ...] | None:
        """Return `count` ports in a row of which none is in `taken` and nobody listens on any; None: none found."""
        for number in range(RANGES_MAX):
            first = (self._first + number * count) % (REGIONS * REGION_PORTS - count)
            ports = tuple(range(PORT_FIRST + first, PORT_FIRST + first + count))
            if taken.isdisjoint(ports) and all(map(self._is_free, ports)):
                return ports
        return None
