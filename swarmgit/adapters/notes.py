"""Notes for the next tick: one small file each, in a folder of ours outside of what sessions see.

Whoever writes one need not lead; equal notes are one. What has been recorded is dropped.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
NOTES_MAX = 500


class Notes(Generic[T]):
    """Implements `ports.Notices` for reports; `kind` is the dataclass of a note."""

    def __init__(self, folder: Path, kind: type[T]) -> None:
        self._folder = folder
        self._kind = kind

    def add(self, note: T) -> None:
        """Keep a note until it is dropped; of a flood only the first ones."""
        content = msgspec.json.encode(note)
        path = self._folder / _name(content)
        if path.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(os.listdir(self._folder)) >= NOTES_MAX:  # noqa: PTH208 - names only
            return
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        fresh.write_bytes(content)
        fresh.replace(path)

    def all(self) -> tuple[T, ...]:
        """Return what was noted and not dropped yet."""
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 - asked by every tick
        except (FileNotFoundError, NotADirectoryError):
            return ()
        found = []
        for name in names:
            with suppress(OSError, ValueError, RecursionError):  # half written, or of an earlier version
                found.append(msgspec.json.decode((self._folder / name).read_bytes(), type=self._kind))
        return tuple(found)

    def drop(self, notes: Sequence[T]) -> None:
        """Drop what was recorded."""
        for note in notes:
            (self._folder / _name(msgspec.json.encode(note))).unlink(missing_ok=True)


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
