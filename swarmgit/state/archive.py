"""The archive of the state branch, and the one way to find a file by its kind and name, archived or not."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import date
from typing import TypeVar

from swarmgit.errors import SwarmError
from swarmgit.model.desired import Desired
from swarmgit.model.ids import BlobId, CommitId, TaskId
from swarmgit.model.renames import Former
from swarmgit.model.status import TaskStatus
from swarmgit.ports.repository import Objects
from swarmgit.state import kinds
from swarmgit.state.kinds import Kind

T = TypeVar("T")
LOOKED_MAX = 5000
"""In so many of the newest archived tasks a file is looked for that is new: it may have been renamed."""


class ArchiveIndex(Mapping[TaskId, str]):
    """Finished tasks by their path in the archive; the trees are listed when somebody first asks."""

    def __init__(self, objects: Objects | None = None, tree: str | None = None) -> None:
        self._objects = objects
        self._tree = tree
        self._oids: dict[str, str] = {}
        self._paths: dict[TaskId, str] | None = None
        self._looked: tuple[AbstractSet[BlobId], AbstractSet[TaskId]] | None = None
        self._found: dict[BlobId, list[Former]] = {}

    def at(self, objects: Objects, tree: str | None) -> ArchiveIndex:
        """Return the index of another version of the archive's folder; the same one where it is the same."""
        return self if tree == self._tree else ArchiveIndex(objects, tree)

    def renamed(self, desired: Desired, statuses: Mapping[TaskId, TaskStatus]) -> dict[TaskId, Former]:
        """Return the archived task that a file which is new to state was before, where there is exactly one."""
        new = [task for name, task in desired.tasks.items() if name not in statuses and name not in self]
        contents = [task.generation for task in new]
        asked = frozenset(desired.tasks.keys() | desired.held)
        if new and self._tree is not None and self._looked != (frozenset(contents), asked):
            self._looked = frozenset(contents), asked
            self._found = self._of(frozenset(contents), [path for name, path in self.items() if name not in asked])
        return {
            task.id: self._found[task.generation][0]
            for task in new
            if contents.count(task.generation) == 1 and len(self._found.get(task.generation, ())) == 1
        }

    def _of(self, contents: AbstractSet[BlobId], files: list[str]) -> dict[BlobId, list[Former]]:
        """Return the tasks of these files by the content of their own file, where that is one of `contents`."""
        found: dict[BlobId, list[Former]] = {}
        marks = [content.encode() for content in contents]
        for path in sorted(files)[-LOOKED_MAX:]:
            with suppress(SwarmError):  # what cannot be read is for fsck to tell
                text = self._objects.blob(self._oids[path]) if self._objects is not None else b""
                status = kinds.TASKS.read(path, text) if any(mark in text for mark in marks) else None
                if status is not None and status.content in contents:
                    found.setdefault(BlobId(status.content or ""), []).append(Former(status, path))
        return found

    def _known(self) -> dict[TaskId, str]:
        if self._paths is None:
            objects, tree = self._objects, self._tree
            files = objects.walk(tree, kinds.ARCHIVE) if objects is not None and tree is not None else {}
            self._oids = {path: entry.oid for path, entry in files.items() if kinds.at(path) is kinds.TASKS}
            self._paths = {
                TaskId(kinds.TASKS.key(path)): path for path in self._oids if f"/{kinds.CANCELLED}/" not in path
            }
        return self._paths

    def __getitem__(self, task: TaskId) -> str:
        return self._known()[task]

    def __iter__(self) -> Iterator[TaskId]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())


def archived(objects: Objects, head: CommitId | None, kind: Kind[T], day: date | None = None) -> dict[str, str]:
    """Return the archived files of a kind with their blobs, oldest first. `day`: only those that are filed under it."""
    folder = kinds.ARCHIVE if day is None else f"{kinds.ARCHIVE}/{day:%Y-%m}/{day:%d}"
    tree = objects.resolve(f"{head}:{folder}") if head is not None else None
    files = objects.walk(tree, folder) if tree is not None else {}
    return {path: files[path].oid for path in sorted(files) if kinds.at(path) is kind}


def find(objects: Objects, head: CommitId | None, kind: Kind[T], name: str, day: date | None = None) -> T | None:
    """Return what state says at a commit of what is called so: in its folder, or else the newest in the archive."""
    hot = objects.resolve(f"{head}:{kind.file(name)}") if head is not None else None
    files = {kind.file(name): hot} if hot is not None else archived(objects, head, kind, day)
    found = [path for path in files if kind.key(path) == name]
    return kind.read(found[-1], objects.blob(files[found[-1]])) if found else None


def newest(objects: Objects, head: CommitId | None, kind: Kind[T], but: Container[str] = ()) -> Iterator[T]:
    """Yield the newest of each name in the archive, the newest first; what cannot be read is for fsck to tell."""
    by_name = {kind.key(path): (path, oid) for path, oid in archived(objects, head, kind).items()}
    for name, (path, oid) in sorted(by_name.items(), key=lambda each: each[1], reverse=True):
        if name not in but:
            with suppress(SwarmError):
                yield kind.read(path, objects.blob(oid))
