"""Whether a live process has a file open."""

from __future__ import annotations

import contextlib
from pathlib import Path


def is_open(path: Path) -> bool:
    """Return whether a live process has the file open, as far as this system tells."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return False
    for process in Path("/proc").glob("[0-9]*"):
        for handle in _handles(process):
            with contextlib.suppress(OSError):  # closed since it was listed
                found = handle.stat()
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    return False


def _handles(process: Path) -> list[Path]:
    """Return a process's open files; none of one that has gone, or that is somebody else's."""
    try:
        return list((process / "fd").iterdir())
    except OSError:
        return []
