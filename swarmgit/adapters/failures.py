"""What came of steps that fail, kept in the live folder until the state has counted it; and tracebacks, one a kind."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from swarmgit.adapters.notes import Notes
from swarmgit.model.failures import Try

TRACES_MAX = 200
KEPT_MAX = 500


class FailureNotes:
    """Implements `ports.Failures`. `shown`: how the folder is called in words to people."""

    def __init__(self, folder: Path, shown: str) -> None:
        self._folder = folder
        self._shown = shown
        self._notes: Notes[Try] = Notes(folder / "tries", Try)
        self._unwritten: list[Try] = []

    def note(self, tried: Try) -> None:
        """Keep what came of a try; in memory alone where it cannot be written: a full disk fails steps too."""
        try:
            self._notes.add(tried)
        except OSError:
            self._unwritten = [*self._unwritten[-KEPT_MAX:], tried]

    def all(self) -> tuple[Try, ...]:
        """Return what was noted and not dropped yet."""
        return (*self._notes.all(), *self._unwritten)

    def drop(self, tries: Sequence[Try]) -> None:
        """Drop what was counted."""
        self._unwritten = [tried for tried in self._unwritten if tried not in tries]
        self._notes.drop(tries)

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
        fresh = path.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}")
        fresh.write_text(text, encoding="utf-8", errors="backslashreplace")
        fresh.replace(path)
