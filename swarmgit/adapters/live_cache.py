"""What is cheap to lose, kept in the live folder: gate answers, merges tried, parsed documents."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from swarmgit.model.checkouts import Obstacle
from swarmgit.model.ids import CommitId, EntryId, EvidenceKey
from swarmgit.model.observed import MergeTry
from swarmgit.model.work import Evidence

T = TypeVar("T")

LINES_MAX = 4000
LINES_KEPT = 2000


class _Lines(Generic[T]):
    """A file of JSON lines that is appended to, read on from where reading stopped, and cut when it grows too long.

    `keeps` False: what is added stays in memory.
    """

    def __init__(self, path: Path, kind: type[T], *, keeps: bool = True) -> None:
        self._keeps = keeps
        self._path = path
        self._decoder = msgspec.json.Decoder(kind)
        self._offset = 0
        self._inode = 0
        self.values: list[T] = []

    def refresh(self) -> bool:
        """Read what was added since; return whether anything was."""
        try:
            found = self._path.stat()
        except OSError:
            return False
        if not stat.S_ISREG(found.st_mode):
            return False
        if found.st_ino != self._inode or found.st_size < self._offset:
            self._inode, self._offset, self.values = found.st_ino, 0, []
        if found.st_size == self._offset:
            return False
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except PermissionError:  # another user's
            return False
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                self.values.append(self._decoder.decode(line))
            except (msgspec.MsgspecError, RecursionError):
                continue
        return bool(whole)

    def append(self, *values: T) -> None:
        if not self._keeps:
            self.values.extend(values)
            return
        _make_way(self._path)
        with self._path.open("ab") as file:
            if file.tell() and not self._ends_with_newline():
                file.write(b"\n")
            file.write(b"".join(msgspec.json.encode(value) + b"\n" for value in values))
        if len(self.values) >= LINES_MAX:
            self._cut()

    def _ends_with_newline(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _cut(self) -> None:
        self.refresh()
        kept = b"".join(msgspec.json.encode(value) + b"\n" for value in self.values[-LINES_KEPT:])
        _replace(self._path, kept)


class FileCache:
    """ports.LiveCache in `<live>/cache/`. `keeps` False: for who only reads; what is kept stays in memory.

    Safe for threads: merges are tried beside the tick, and a place in a file that is counted twice loses entries.
    """

    def __init__(self, folder: Path, *, keeps: bool = True) -> None:
        self._folder = folder
        self.keeps = keeps
        self._kept: dict[str, bytes] = {}
        self._lock = threading.RLock()
        self._answers: _Lines[Evidence] = _Lines(folder / "evidence.jsonl", Evidence, keeps=keeps)
        self._tries: _Lines[MergeTry] = _Lines(folder / "merges.jsonl", MergeTry, keeps=keeps)
        self._evidence: dict[EvidenceKey, Evidence] = {}
        self._merges: dict[tuple[CommitId, CommitId], MergeTry] = {}
        self._blocked: dict[EntryId, Obstacle] | None = None

    def evidence(self) -> Mapping[EvidenceKey, Evidence]:
        with self._lock:
            if self._answers.refresh():
                self._evidence = {answer.key: answer for answer in self._answers.values}
            return self._evidence

    def keep_evidence(self, evidence: Evidence) -> None:
        with self._lock:
            if self.evidence().get(evidence.key) != evidence:
                self._answers.append(evidence)

    def merges(self) -> Mapping[tuple[CommitId, CommitId], MergeTry]:
        with self._lock:
            if self._tries.refresh():
                self._merges = {(tried.base, tried.head): tried for tried in self._tries.values}
            return self._merges

    def keep_merges(self, tried: Sequence[MergeTry]) -> None:
        with self._lock:
            self._tries.append(*tried)

    def blocked(self) -> Mapping[EntryId, Obstacle]:
        if self._blocked is None:
            raw = self.read("blocked.json")
            try:
                self._blocked = msgspec.json.decode(raw, type=dict[EntryId, Obstacle]) if raw else {}
            except (msgspec.MsgspecError, RecursionError):
                self._blocked = {}
        return self._blocked

    def keep_blocked(self, entries: Mapping[EntryId, Obstacle]) -> None:
        self._blocked = dict(entries)
        self.write("blocked.json", msgspec.json.encode(self._blocked))

    def read(self, name: str) -> bytes | None:
        if name in self._kept:
            return self._kept[name]
        try:
            return (self._folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            return None

    def write(self, name: str, content: bytes) -> None:
        if not self.keeps:
            self._kept[name] = content
            return
        _replace(self._folder / name, content)


def _make_way(path: Path) -> None:
    """Make the folder of a file; what stands in its place, or the folder's, and is no such thing is put aside."""
    for place, is_right in ((path.parent, path.parent.is_dir()), (path, path.is_file() or not path.exists())):
        if place.exists() and not is_right:
            place.rename(place.with_name(f".{place.name}.damaged-{os.getpid()}-{place.stat().st_ino}"))
    path.parent.mkdir(parents=True, exist_ok=True)


def _replace(path: Path, content: bytes) -> None:
    _make_way(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    temporary.write_bytes(content)
    temporary.replace(path)
