"""What has been read before: in this process by blob, across processes as JSON by the id of the `.swarm` tree."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from swarmgit.documents import as_json, schemas
from swarmgit.model.desired import Desired, Task
from swarmgit.model.ids import BlobId, CommitId

if TYPE_CHECKING:
    from swarmgit.documents.intent import Parsed

FILES_MAX = 20


class Cache(Struct):
    """`folder` None: only this process remembers; `keeps` False: it writes nothing. A damaged or missing cache file is
    a miss, never an error.

    Intent without problems depends on the tree alone. With problems it depends on the history too (that is where
    the last good versions come from), so then the file's name has the commit as well. Within one process the
    tree is enough: the target only moves forward, so the same tree keeps the same last good versions.
    """

    folder: Path | None
    keeps: bool = True
    parsed: dict[tuple[str, BlobId], Parsed[Any]] = field(default_factory=dict)
    last: tuple[str, Desired] | None = None

    def get(self, tree: str, commit: CommitId, adapters: AbstractSet[str]) -> Desired | None:
        """Return what was put for this tree (and commit), None where it has to be read."""
        key = _key(tree, adapters)
        if self.last and self.last[0] == key:
            return self.last[1]
        for name in (key, f"{key}-{commit}"):
            found = self._read(name)
            if found is not None:
                self.last = (key, found)
                return found
        return None

    def put(self, tree: str, commit: CommitId, adapters: AbstractSet[str], desired: Desired) -> None:
        """Remember; by temporary file and rename, and only the newest files are kept."""
        key = _key(tree, adapters)
        self.last = (key, desired)
        if self.folder is None or not self.keeps:
            return
        name = f"{key}-{commit}" if desired.problems else key
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = self.folder / f".{name}.{os.getpid()}"
            fresh.write_bytes(as_json.to_json(desired))
            fresh.replace(self.folder / f"{name}.json")
            for old in self._newest_first()[FILES_MAX:]:
                old.unlink(missing_ok=True)

    def earlier_tasks(self) -> dict[tuple[str, BlobId], Task]:
        """Return the tasks of the newest cache file by path and blob: unchanged files need no parsing again."""
        for path in self._newest_first():
            if path.name.startswith(f"desired-{schemas.fingerprint()}-"):
                found = self._read(path.stem)
                return {(task.path, task.generation): task for task in found.tasks.values()} if found else {}
        return {}

    def _read(self, name: str) -> Desired | None:
        if self.folder is None:
            return None
        try:
            return as_json.from_json((self.folder / f"{name}.json").read_bytes(), Desired)
        except (OSError, ValueError):
            return None

    def _newest_first(self) -> list[Path]:
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(self.folder.glob("desired-*.json"), key=_modified_ns, reverse=True)


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _key(tree: str, adapters: AbstractSet[str]) -> str:
    known = hashlib.sha256(" ".join(sorted(adapters)).encode()).hexdigest()[:8]
    return f"desired-{schemas.fingerprint()}-{known}-{tree}"
