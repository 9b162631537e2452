"""Which checkouts could not be brought along with a landing, file by file, and when it is tried again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from swarmgit.adapters.git.loose import write_file
from swarmgit.model.checkouts import Behind
from swarmgit.model.ids import CommitId

FOLDER = "behind"
BACK_OFF = timedelta(seconds=2)
BACK_OFF_MAX = timedelta(minutes=10)


class Note(Struct, frozen=True):
    """`paths`: the files that are missing or old; none: the index itself could not be brought from `old` to `new`.

    `head`: the branch that was checked out. `why`: git's words. `due`: when to try again.
    """

    git_dir: str
    top: str
    head: str | None
    old: CommitId
    new: CommitId
    paths: tuple[str, ...]
    why: str
    since: datetime
    due: datetime
    tries: int = 0

    def value(self) -> Behind:
        return Behind(self.top, self.paths, self.why, self.new, self.since, self.tries)

    def later(self, now: datetime, paths: tuple[str, ...], why: str) -> Note:
        """Return the note after one more try in vain."""
        pause = min(BACK_OFF * 2 ** min(self.tries, 10), BACK_OFF_MAX)
        return msgspec.structs.replace(self, paths=paths, why=why, tries=self.tries + 1, due=now + pause)


class Notes:
    """One small file for each checkout that is behind, below the live folder."""

    def __init__(self, live: Path) -> None:
        self._folder = live / FOLDER

    def all(self) -> tuple[Note, ...]:
        """Return every note; what cannot be read is as good as none."""
        return tuple(self._read())

    def add(self, note: Note) -> None:
        """Keep what a landing has left behind; what an earlier one has left there goes into the same note."""
        before = next((each for each in self._read() if each.git_dir == note.git_dir and each.head == note.head), None)
        if before is not None:
            paths = tuple(sorted({*before.paths, *note.paths})) if before.paths and note.paths else ()
            note = msgspec.structs.replace(note, old=before.old, paths=paths, since=before.since)
        self.keep(note)

    def keep(self, note: Note) -> None:
        """Keep a note in the place of the one that its checkout has."""
        self._folder.mkdir(parents=True, exist_ok=True)
        raw = msgspec.to_builtins(note)
        write_file(self._place(note), json.dumps(raw).encode())

    def drop(self, note: Note) -> None:
        self._place(note).unlink(missing_ok=True)

    def _place(self, note: Note) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(note.git_dir)).hexdigest()[:16]}.json"

    def _read(self) -> Iterator[Note]:
        try:
            names = sorted(self._folder.iterdir())
        except OSError:
            return
        for name in names:
            try:
                yield msgspec.convert(json.loads(name.read_bytes()), Note)
            except (OSError, ValueError):
                continue
