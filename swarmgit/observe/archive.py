"""The archive of the state branch: what has left the hot folders, found by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress

from swarmgit.documents import paths, state
from swarmgit.errors import SwarmError
from swarmgit.model.desired import Desired
from swarmgit.model.ids import BlobId, TaskId
from swarmgit.model.renames import Former
from swarmgit.model.status import TaskStatus
from swarmgit.ports.repository import Objects

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
                status = state.load_status(path, text) if any(mark in text for mark in marks) else None
                if status is not None and status.content in contents:
                    found.setdefault(BlobId(status.content or ""), []).append(Former(status, path))
        return found

    def _known(self) -> dict[TaskId, str]:
        if self._paths is None:
            objects, tree = self._objects, self._tree
            files = objects.walk(tree, paths.STATE_ARCHIVE) if objects is not None and tree is not None else {}
            self._oids = {path: entry.oid for path, entry in files.items()}
            self._paths = {
                TaskId(path.rsplit("/", 1)[-1].removesuffix(".yaml")): path
                for path in files
                if path.count("/") == 3 and path.endswith(".yaml")
            }
        return self._paths

    def __getitem__(self, task: TaskId) -> str:
        return self._known()[task]

    def __iter__(self) -> Iterator[TaskId]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())
