"""Resolutions that have landed, kept in the live folder by the name of their conflict: a cache, cheap to lose."""

from __future__ import annotations

import re
from pathlib import Path

from swarmgit.adapters.git.loose import write_file

KEY = re.compile(r"[0-9a-f]{64}")
SIZE_MAX = 1 << 20
KEPT_MAX = 5000


class Memory:
    """One file for each conflict that was ever resolved by a session and landed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def recall(self, key: str) -> bytes | None:
        """Return the lines that a conflict was resolved to; None where it was not seen before."""
        try:
            return self._path(key).read_bytes()
        except OSError:
            return None

    def keep(self, key: str, lines: bytes) -> None:
        """Remember one; where two differ the newer one holds. Beyond `KEPT_MAX` the oldest ones are forgotten."""
        if len(lines) > SIZE_MAX or not KEY.fullmatch(key):
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, lines)
        kept = sorted(self.folder.glob("*/*"), key=lambda each: each.stat().st_mtime)
        for old in kept[:-KEPT_MAX]:
            old.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key
