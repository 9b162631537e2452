"""Whether a live process has a file open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def is_open(path: Path) -> bool:
    """Return whether a live process has the file open, as far as this system tells."""
    return next(holders(path), None) is not None


def holders(path: Path) -> Iterator[int]:
    """Yield the live processes that have the file open, as far as this system tells."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return
    for process in Path("/proc").glob("[0-9]*"):
        if any(_is(handle, wanted) for handle in _handles(process)):
            yield int(process.name)


def _is(handle: Path, wanted: os.stat_result) -> bool:
    with contextlib.suppress(OSError):  # closed since it was listed
        found = handle.stat()
        return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
    return False


def _handles(process: Path) -> list[Path]:
    """Return a process's open files; none of one that has gone, or that is somebody else's."""
    try:
        return list((process / "fd").iterdir())
    except OSError:
        return []
