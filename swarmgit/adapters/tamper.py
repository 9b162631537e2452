"""A fingerprint of what in a person's repository decides what their git runs: settings, hooks, `info/`."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

FILES_MAX = 1000
BYTES_MAX = 1 << 20
_TOPS = ("config", "config.worktree", "hooks", "info", "modules")


def fingerprint(common_dir: Path) -> dict[str, str]:
    """Return a hash by path below the git directory, of its kind, mode and content; links by where they lead."""
    found: dict[str, str] = {}
    for top in _TOPS:
        if top == "modules":
            paths = [str(path) for path in sorted((common_dir / top).glob("*/config"))]
        elif (common_dir / top).is_dir():
            paths = [f"{root}/{name}" for root, _, names in os.walk(common_dir / top) for name in names]
        else:
            paths = [str(common_dir / top)]
        for path in paths[:FILES_MAX]:
            seen = _hash(path)
            if seen:
                found[os.path.relpath(path, common_dir)] = seen
    return found


def _hash(path: str) -> str:
    try:
        facts = os.lstat(path)
        if stat.S_ISLNK(facts.st_mode):
            content = os.fsencode(os.readlink(path))  # noqa: PTH115
        elif stat.S_ISREG(facts.st_mode):
            with open(path, "rb") as file:  # noqa: PTH123
                content = file.read(BYTES_MAX)
        else:
            content = b""
    except OSError:
        return ""
    head = f"{stat.S_IFMT(facts.st_mode)} {facts.st_mode & 0o111} {facts.st_size}\0"
    return hashlib.sha256(head.encode() + content).hexdigest()[:20]
