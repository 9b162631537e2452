"""The archive of the state branch: what has left the hot folders, found by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmgit.documents import paths
from swarmgit.model.ids import TaskId
from swarmgit.ports import Objects


class ArchiveIndex(Mapping[TaskId, str]):
    """Finished tasks by their path in the archive; the trees are listed when somebody first asks."""

    def __init__(self, objects: Objects, tree: str | None) -> None:
        self._objects = objects
        self._tree = tree
        self._paths: dict[TaskId, str] | None = None

    def _known(self) -> dict[TaskId, str]:
        if self._paths is None:
            files = self._objects.walk(self._tree, paths.STATE_ARCHIVE) if self._tree else {}
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
