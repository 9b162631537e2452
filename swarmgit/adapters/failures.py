"""What of an action's failure is kept in the live folder: a traceback, once for each kind."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

TRACES_MAX = 200


class FailureNotes:
    """Implements `ports.Failures`. `shown`: how the folder is called in words to people."""

    def __init__(self, folder: Path, shown: str) -> None:
        self._folder = folder
        self._shown = shown

    def keep_trace(self, signature: str, text: str) -> str:
        """Keep a traceback, once for each signature, and return where it is; '' where it cannot be kept."""
        name = f"trace-{hashlib.sha256(signature.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}.txt"
        with suppress(OSError):
            self._keep(name, text)
            return f"{self._shown}/{name}"
        return ""

    def _keep(self, name: str, text: str) -> None:
        path = self._folder / name
        if path.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(os.listdir(self._folder)) >= TRACES_MAX:  # noqa: PTH208 - names only
            raise OSError(f"{self._folder} holds {TRACES_MAX} files already")
        fresh = path.with_name(f".{name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8", errors="backslashreplace")
        fresh.replace(path)
