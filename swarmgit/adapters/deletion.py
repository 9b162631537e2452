"""Deleting a tree that somebody made who may not want it deleted."""

from __future__ import annotations

import subprocess
from pathlib import Path


def delete(path: Path) -> bool:
    """Delete a file or a tree of any depth, whatever its modes are; return whether nothing is left of it.

    The system's own programs cope with depths at which Python's recursion and the length of a path end. Links are not
    followed.
    """
    _run("/bin/rm", "-rf", path)
    if path.is_dir() and not path.is_symlink():
        _run("/bin/chmod", "-R", "u+rwx", path)
        _run("/bin/rm", "-rf", path)
    return not (path.exists() or path.is_symlink())


def _run(*words: str | Path) -> None:
    command = [*map(str, words[:-1]), "--", str(words[-1])]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
