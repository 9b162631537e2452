"""A fingerprint of what decides what git runs in a person's repository and the engine: settings, hooks, attributes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from swarmgit.documents.paths import ENGINE, LIVE, MENDED

FILES_MAX = 1000
BYTES_MAX = 1 << 20
_FILES = (
    "config",
    "config.worktree",
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "info/sparse-checkout",
)
_ENGINE = ("config", "config.worktree", "commondir", "info/attributes", "info/exclude", "info/grafts")


_UPSTREAMS = re.compile(rb'^\[branch "[^\n]*\n(?:[ \t][^\n]*\n?)*', re.MULTILINE)
"""What a branch follows: people's own git writes that all the time, and it runs nothing."""


def fingerprint(common_dir: Path) -> dict[str, str]:
    """Return a hash by path below the git directory, of its kind, mode and content; links by where they lead."""
    modules = sorted(
        [*(common_dir / "modules").glob("*/config"), *(common_dir / "worktrees").glob("*/config.worktree")]
    )
    engine = [common_dir / LIVE / MENDED, *(common_dir / LIVE / ENGINE / name for name in _ENGINE)]
    hooks = [f"{root}/{name}" for root, _, names in os.walk(common_dir / "hooks") for name in names]
    paths = [*(str(common_dir / name) for name in _FILES), *map(str, engine), *map(str, modules), *sorted(hooks)][
        :FILES_MAX
    ]
    hashes = {os.path.relpath(path, common_dir): _hash(path) for path in paths}
    return {name: found for name, found in hashes.items() if found}


def _hash(path: str) -> str:
    try:
        facts = os.lstat(path)
        if stat.S_ISLNK(facts.st_mode):
            content = os.fsencode(os.readlink(path))  # noqa: PTH115
        elif stat.S_ISREG(facts.st_mode):
            with open(path, "rb") as file:  # noqa: PTH123
                content = _UPSTREAMS.sub(b"", file.read(BYTES_MAX))
        else:
            content = b""
    except OSError:
        return ""
    head = f"{facts.st_mode} {facts.st_uid} {facts.st_gid}\0"
    return hashlib.sha256(head.encode() + content).hexdigest()[:20]
