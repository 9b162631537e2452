"""The state branch as values. Trees and blobs are parsed once per id; what did not change is not read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import asdict

from swarmgit.documents.as_json import from_json, to_json
from swarmgit.errors import StateNewer, SwarmError
from swarmgit.model.control import Freeze, QueueControl
from swarmgit.model.desired import Problem
from swarmgit.model.git import TreeEntry
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.observed import Stored
from swarmgit.ports.repository import Objects
from swarmgit.ports.store import LiveCache
from swarmgit.state import kinds
from swarmgit.state.archive import ArchiveIndex
from swarmgit.state.kinds import Kind
from swarmgit.state.mailboxes import Mailboxes
from swarmgit.state.text import problem_of

T = TypeVar("T")
CACHE_NAME = "state.json"
UNSAVED_MAX = 20
OF_TASKS = (kinds.TASKS, kinds.TASK_CONTROL)
UNREADABLE_BRAKE = Freeze("swarmgit", datetime.min.replace(tzinfo=UTC), f"{kinds.FREEZE.place} cannot be read")
UNREADABLE_PAUSE = QueueControl(paused=True, by="a file that cannot be read", reason=kinds.QUEUE_CONTROL.place)
"""A brake that cannot be read is on: nobody can tell that it was lifted."""


class StateReader:
    """Reads the state branch at any of its commits. `keeps`: what was parsed is kept for the next process.

    `archive`: the archive of the commit that was read last.
    """

    def __init__(self, objects: Objects, cache: LiveCache, *, keeps: bool = True) -> None:
        self.archive = ArchiveIndex()
        self._objects = objects
        self._cache = cache
        self._keeps = keeps
        self._saved = _Saved(cache)
        self._values: dict[str, dict[tuple[str, str], Any]] = {}  # by kind; then by path and blob
        self._trees: dict[tuple[str, str], dict[Any, Any]] = {}  # by path and tree
        self._problems: list[Problem] = []
        self._newer: dict[str, StateNewer] = {}
        self._unsaved = 0
        self._mail = Mailboxes(objects)

    def read(self, head: CommitId | None) -> Stored:
        """Return what the state branch says at a commit. A broken file is a problem; the rest goes on.

        StateNewer: there are files of a later version, with a meaning that is not known here.
        """
        self._problems, self._newer = [], {}
        if head is None:
            return Stored()
        root = self._objects.commit(head).tree
        self.archive = self.archive.at(self._objects, self._folder(root, kinds.ARCHIVE))
        self._mail = self._mail.at(self._folder(root, kinds.MAIL.place))
        stored = Stored(
            statuses=self._all(root, kinds.TASKS),
            archived=self.archive,
            entries=self._all(root, kinds.ENTRIES),
            identities=self._all(root, kinds.AGENTS),
            gate_histories=self._all(root, kinds.GATES),
            controls=self._all(root, kinds.TASK_CONTROL),
            freeze=self._only(root, kinds.FREEZE, UNREADABLE_BRAKE),
            queue_control=self._only(root, kinds.QUEUE_CONTROL, UNREADABLE_PAUSE) or QueueControl(),
            entry_controls=self._all(root, kinds.ENTRY_CONTROL),
            verdicts=self._all(root, kinds.VERDICTS),
            convoys=self._all(root, kinds.CONVOYS),
            incidents=self._all(root, kinds.INCIDENTS),
            incident_controls=self._all(root, kinds.INCIDENT_CONTROL),
            mail=self._mail,
            mail_controls=self._all(root, kinds.MAIL_CONTROL),
            failures=self._all(root, kinds.FAILURES),
            landing_controls=self._all(root, kinds.LANDING_CONTROL),
        )
        self._refuse_newer()
        broken = [(kinds.at(problem.file), problem.file) for problem in self._problems]
        unreadable = frozenset(TaskId(kind.key(path)) for kind, path in broken if kind is not None and kind in OF_TASKS)
        stored = msgspec.structs.replace(stored, problems=tuple(self._problems), unreadable=unreadable)
        if self._unsaved > UNSAVED_MAX:
            self.keep(stored)
        return stored

    def _refuse_newer(self) -> None:
        if self._newer:
            first = next(iter(self._newer.values()))
            more = f" (and {len(self._newer) - 1} more)" if len(self._newer) > 1 else ""
            raise StateNewer(f"{first.message}{more}; nothing is done or written here", first.hint)

    def keep(self, stored: Stored) -> None:
        """Keep what was parsed for the next process, which need not parse YAML then; only what state still holds."""
        if not self._unsaved or not self._keeps:
            return
        wanted = {id(value) for each in asdict(stored).values() if isinstance(each, dict) for value in each.values()}
        saved = {
            schema: {oid: value for (_, oid), value in values.items() if id(value) in wanted}
            for schema, values in self._values.items()
        }
        self._cache.write(CACHE_NAME, to_json(saved))
        self._unsaved = 0

    # --- files of one kind ------------------------------------------------------------------------------------------

    def _all(self, root: str, kind: Kind[T]) -> dict[Any, T]:
        """Return the values of a kind by their names."""
        folder = self._folder(root, kind.place)
        return self._files(folder, kind.place, kind) if folder is not None else {}

    def _only(self, root: str, kind: Kind[T], unreadable: T) -> T | None:
        entry = self._entry(root, kind.place)
        if entry is None:
            return None
        return self._value(kind, entry.oid, kind.place) or unreadable

    def _files(self, tree: str, path: str, kind: Kind[T]) -> dict[Any, T]:
        known = self._trees.get((path, tree))
        if known is not None:
            return known
        broken = len(self._problems) + len(self._newer)
        found: dict[Any, T] = {}
        for entry in self._objects.tree(tree):
            below = f"{path}/{entry.name}"
            if entry.kind == "tree" and path == kind.place:  # no kind has folders in folders
                found.update(self._files(entry.oid, below, kind))
            elif entry.kind == "blob" and kind.holds(below):
                value = self._value(kind, entry.oid, below)
                if value is not None:
                    found[kind.key(below)] = value
        if len(self._problems) + len(self._newer) == broken:
            self._trees[path, tree] = found
        return found

    def _value(self, kind: Kind[T], oid: str, path: str) -> T | None:
        known: dict[tuple[str, str], T] = self._values.setdefault(kind.schema, {})
        value = known.get((path, oid))
        if value is not None:
            return value
        try:
            value = self._saved.value(kind, oid)
            if value is None:
                value = kind.read(path, self._objects.blob(oid))
                self._unsaved += 1
        except StateNewer as error:
            self._newer[path] = error
            return None
        except SwarmError as error:
            self._problems.append(problem_of(path, error))
            return None
        if kind.name is not None and kind.path(value) != path:
            wrong = f"it is about {kind.key(kind.path(value))}; a file of state is named after what it is about"
            self._problems.append(Problem(path, 0, 0, wrong))
            return None
        known[path, oid] = value
        return value

    def _folder(self, tree: str, path: str) -> str | None:
        entry = self._entry(tree, path)
        return entry.oid if entry is not None and entry.kind == "tree" else None

    def _entry(self, tree: str, path: str) -> TreeEntry | None:
        first, _, rest = path.partition("/")
        entry = next((each for each in self._objects.tree(tree) if each.name == first), None)
        if not rest or entry is None:
            return entry
        return self._entry(entry.oid, rest) if entry.kind == "tree" else None


class _Saved:
    """What another process has parsed, by kind and blob; each kind is decoded when somebody first asks for it."""

    def __init__(self, cache: LiveCache) -> None:
        self._cache = cache
        self._kinds: Mapping[str, msgspec.Raw] | None = None
        self._values: dict[str, Mapping[str, Any]] = {}

    def value(self, kind: Kind[T], oid: str) -> T | None:
        """Return what a blob holds as a file of this kind, None where it was not kept."""
        if kind.schema not in self._values:
            self._values[kind.schema] = self._decoded(kind)
        value: T | None = self._values[kind.schema].get(oid)
        return kind.migrate(value) if value is not None else None

    def _decoded(self, kind: Kind[T]) -> Mapping[str, T]:
        try:
            if self._kinds is None:
                self._kinds = from_json(self._cache.read(CACHE_NAME) or b"{}", dict[str, msgspec.Raw])
            return from_json(self._kinds.get(kind.schema, b"{}"), dict[str, kind.value])  # type: ignore[name-defined]
        except ValueError:  # another version of swarmgit wrote it
            return {}
