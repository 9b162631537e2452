"""Deleting a tree that somebody made who may not want it deleted."""

from __future__ import annotations

import subprocess
from pathlib import Path

REASON_CHARS_MAX = 300


def delete(path: Path) -> str:
    """Delete a file or a tree of any depth, whatever its modes are; return why it is still there, '' when it is not.

    The system's own programs cope with depths at which Python's recursion and the length of a path end. Links are not
    followed.
    """
    words = _run("/bin/rm", "-rf", path)
    if words and path.is_dir() and not path.is_symlink():
        _run("/bin/chmod", "-R", "u+rwx", path)
        words = _run("/bin/rm", "-rf", path)
    return words


def _run(*words: str | Path) -> str:
    """Run a program on a path; return the last thing it says where it fails, '' where it does not."""
    command = [*map(str, words[:-1]), "--", str(words[-1])]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:  # the machine cannot start anything now
        return f"{words[0]}: {error.strerror}"
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return (said[-1:] or [f"{words[0]} failed"])[0][:REASON_CHARS_MAX] if done.returncode else ""
