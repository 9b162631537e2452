"""Folders for what is only between two steps, among the live files. What a killed process leaves there is swept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swarmgit.adapters.deletion import delete

PREFIX = "aside-"


@contextmanager
def aside(live: Path) -> Iterator[Path]:
    """Yield a new folder in `live`, which is gone afterwards; only the holder of the lock may ask for one.

    A thread that the end of the process cuts off leaves it, and says nothing: `sweep` takes it away the next time.
    """
    made = Path(tempfile.mkdtemp(dir=live, prefix=PREFIX))
    try:
        yield made
    finally:
        delete(made)


def sweep(live: Path) -> None:
    """Remove what killed processes left. Nobody else may be at work there."""
    for left in live.glob(f"{PREFIX}*"):
        delete(left)
