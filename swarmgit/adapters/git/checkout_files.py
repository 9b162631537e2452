"""What lies at a path of a checkout, as a person left it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def what_is_there(top: Path, path: str) -> str | None:
    """Return the part of `path` that is taken by a file (or by a folder, for the whole path); None when free."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        parent = top.joinpath(*parts[:count])
        if not os.path.lexists(parent):
            return None
        if parent.is_symlink() or not parent.is_dir():
            return "/".join(parts[:count])
    return path if os.path.lexists(top / path) else None


def facts_of(file: Path) -> tuple[int, ...] | None:
    """Return what tells one state of a file from the next; None where there is nothing."""
    try:
        found = file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def overlaps(path: str, others: Iterable[str]) -> bool:
    """Return whether one of the others is a folder of this path, or the other way round."""
    return any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in others)


def remove(file: Path, top: Path) -> None:
    """Remove a file, and the folders above it that are empty then."""
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == top or not folder.is_relative_to(top):
            return
        try:
            folder.rmdir()
        except OSError:
            return
