"""The state branch as values. Trees and blobs are parsed once per id; what did not change is not read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from swarmgit.documents import failures, incidents, paths
from swarmgit.documents import state as documents
from swarmgit.errors import StateNewer, SwarmError
from swarmgit.model.control import EntryControl, Freeze, LandingControl, QueueControl, TaskControl, Verdict
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.desired import Problem
from swarmgit.model.failures import Failures
from swarmgit.model.git import TreeEntry
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import AgentName, CommitId, ConvoyId, EntryId, GateName, MailId, TaskId
from swarmgit.model.incidents import Incident, IncidentControl
from swarmgit.model.mail import Mail, MailControl
from swarmgit.model.queue import Entry
from swarmgit.model.status import Identity, TaskStatus
from swarmgit.observe.archive import ArchiveIndex
from swarmgit.observe.broken import problem_of
from swarmgit.observe.mailboxes import Mailboxes
from swarmgit.ports.repository import Objects
from swarmgit.ports.store import LiveCache

T = TypeVar("T")
CACHE_NAME = "state.json"
UNSAVED_MAX = 20
KINDS: Mapping[Any, type] = {
    documents.load_status: TaskStatus,
    documents.load_entry: Entry,
    documents.load_identity: Identity,
    documents.load_gate_history: GateHistory,
    documents.load_convoy_status: ConvoyStatus,
    documents.load_control: TaskControl,
    documents.load_freeze: Freeze,
    failures.load: Failures,
    documents.load_queue_control: QueueControl,
    documents.load_entry_control: EntryControl,
    documents.load_verdict: Verdict,
    documents.load_mail_control: MailControl,
    documents.load_incident_control: IncidentControl,
    documents.load_landing_control: LandingControl,
    incidents.load: Incident,
}
NAMES: Mapping[type, Callable[[Any], str]] = {
    TaskStatus: lambda value: value.task,
    Entry: lambda value: value.id,
    Identity: lambda value: value.name,
    GateHistory: lambda value: value.gate,
    ConvoyStatus: lambda value: value.convoy,
    Incident: lambda value: value.id,
    Verdict: lambda value: value.entry,
}
UNREADABLE_BRAKE = Freeze("swarmgit", datetime.min.replace(tzinfo=UTC), f"{paths.FREEZE} cannot be read")
"""A brake that cannot be read is on: nobody can tell that it was lifted."""


SUFFIXES = (".yaml", ".md")


def _stem(name: str) -> str:
    return name.removesuffix(".yaml").removesuffix(".md")


class Stored(Struct, frozen=True):
    """What the state branch says."""

    statuses: Mapping[TaskId, TaskStatus] = field(default_factory=dict)
    archived: ArchiveIndex = field(default_factory=ArchiveIndex)
    entries: Mapping[EntryId, Entry] = field(default_factory=dict)
    identities: Mapping[AgentName, Identity] = field(default_factory=dict)
    gate_histories: Mapping[GateName, GateHistory] = field(default_factory=dict)
    controls: Mapping[TaskId, TaskControl] = field(default_factory=dict)
    freeze: Freeze | None = None
    queue_control: QueueControl = field(default_factory=QueueControl)
    entry_controls: Mapping[EntryId, EntryControl] = field(default_factory=dict)
    verdicts: Mapping[EntryId, Verdict] = field(default_factory=dict)
    convoys: Mapping[ConvoyId, ConvoyStatus] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    incident_controls: Mapping[str, IncidentControl] = field(default_factory=dict)
    mail: Mapping[str, Mapping[MailId, Mail]] = field(default_factory=dict)
    mail_controls: Mapping[str, MailControl] = field(default_factory=dict)
    failures: Mapping[str, Failures] = field(default_factory=dict)
    landing_controls: Mapping[str, LandingControl] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unreadable: frozenset[TaskId] = frozenset()


class _Saved(msgspec.Struct):
    """Parsed documents by blob id, kept between processes so that a command need not parse YAML."""

    statuses: dict[str, TaskStatus] = {}
    entries: dict[str, Entry] = {}
    identities: dict[str, Identity] = {}
    gates: dict[str, GateHistory] = {}
    convoys: dict[str, ConvoyStatus] = {}
    incidents: dict[str, Incident] = {}


class StateReader:
    """Reads the state branch at any of its commits. `keeps`: what was parsed is kept for the next process."""

    def __init__(self, objects: Objects, cache: LiveCache, *, keeps: bool = True) -> None:
        self._objects = objects
        self._cache = cache
        self._keeps = keeps
        self._saved: _Saved | None = None
        self._blobs: dict[str, Any] = {}
        self._trees: dict[str, dict[str, Any]] = {}
        self._archives: dict[str | None, ArchiveIndex] = {}
        self._problems: dict[str, list[Problem]] = {}
        self._newer: dict[str, StateNewer] = {}
        self._unsaved = 0
        self._mail = Mailboxes(objects)

    def read(self, head: CommitId | None) -> Stored:
        """Return what the state branch says at a commit. A broken file is a problem; the rest goes on.

        StateNewer: there are files of a later version, with a meaning that is not known here.
        """
        self._problems, self._newer = {}, {}
        if head is None:
            return Stored()
        root = {entry.name: entry for entry in self._objects.tree(self._objects.commit(head).tree)}
        statuses = self._folder(root, paths.STATE_TASKS, documents.load_status)
        entries: dict[str, Entry] = {}
        for month in self._subfolders(root, paths.STATE_QUEUE):
            entries.update(self._files(month, f"{paths.STATE_QUEUE}/{month.name}", documents.load_entry))
        stored = Stored(
            statuses={TaskId(k): v for k, v in statuses.items()},
            archived=self._archive(root),
            entries={EntryId(k): v for k, v in entries.items()},
            identities=self._identities(root),
            gate_histories={
                GateName(k): v for k, v in self._folder(root, paths.STATE_GATES, documents.load_gate_history).items()
            },
            **self._controls(root),
            verdicts={
                EntryId(k): v for k, v in self._folder(root, paths.STATE_REVIEWS, documents.load_verdict).items()
            },
            mail=self._mailboxes(root),
            incidents=self._folder(root, paths.STATE_INCIDENTS, incidents.load),
            failures=self._folder(root, paths.STATE_FAILURES, failures.load),
            convoys={
                ConvoyId(k): v for k, v in self._folder(root, paths.STATE_CONVOYS, documents.load_convoy_status).items()
            },
            problems=tuple(problem for found in self._problems.values() for problem in found),
            unreadable=self._unreadable(),
        )
        if self._newer:
            first = next(iter(self._newer.values()))
            more = f" (and {len(self._newer) - 1} more)" if len(self._newer) > 1 else ""
            raise StateNewer(f"{first.message}{more}; nothing is done or written here", first.hint)
        if self._unsaved > UNSAVED_MAX:
            self.keep(stored)
        return stored

    def keep(self, stored: Stored) -> None:
        """Keep what was parsed for the next process; only what the state still holds."""
        if not self._unsaved or not self._keeps:
            return
        kept = (
            *(stored.statuses, stored.entries, stored.identities),
            *(stored.gate_histories, stored.convoys, stored.incidents),
        )
        wanted = {id(value) for group in kept for value in group.values()}
        saved = _Saved()
        groups: dict[type, dict[str, Any]] = {
            TaskStatus: saved.statuses,
            Entry: saved.entries,
            Identity: saved.identities,
            GateHistory: saved.gates,
            ConvoyStatus: saved.convoys,
            Incident: saved.incidents,
        }
        for oid, value in self._blobs.items():
            if id(value) in wanted and type(value) in groups:
                groups[type(value)][oid] = value
        self._cache.write(CACHE_NAME, msgspec.json.encode(saved))
        self._unsaved = 0

    # --- folders ----------------------------------------------------------------------------------------------------

    def _subfolders(self, root: Mapping[str, TreeEntry], name: str) -> list[TreeEntry]:
        folder = root.get(name)
        if folder is None or folder.kind != "tree":
            return []
        return [entry for entry in self._objects.tree(folder.oid) if entry.kind == "tree"]

    def _folder(self, root: Mapping[str, TreeEntry], name: str, load: Callable[[str, bytes], T]) -> dict[str, T]:
        folder = root.get(name)
        return self._files(folder, name, load) if folder is not None and folder.kind == "tree" else {}

    def _files(self, folder: TreeEntry, path: str, load: Callable[[str, bytes], T]) -> dict[str, T]:
        known = self._trees.get(folder.oid)
        if known is not None:
            return known
        found: dict[str, T] = {}
        for entry in self._objects.tree(folder.oid):
            if entry.kind == "blob" and entry.name.endswith(SUFFIXES):
                value = self._value(entry.oid, f"{path}/{entry.name}", path, load)
                if value is not None:
                    found[_stem(entry.name)] = value
        if path not in self._problems and not self._newer:
            self._trees[folder.oid] = found
        return found

    def _value(self, oid: str, path: str, folder: str, load: Callable[[str, bytes], T]) -> T | None:
        if oid not in self._blobs:
            self._blobs.update(self._from_cache())
        kind = KINDS[load]
        if type(self._blobs.get(oid)) is not kind:  # equal bytes may lie in the folder of another kind
            try:
                self._blobs[oid] = load(path, self._objects.blob(oid))
                self._unsaved += 1
            except StateNewer as error:
                self._newer[path] = error
                return None
            except SwarmError as error:
                self._problems.setdefault(folder, []).append(problem_of(path, error))
                return None
        value: T = self._blobs[oid]
        if kind in NAMES and NAMES[kind](value) not in _stem(path).split("/"):
            wrong = f"it is about {NAMES[kind](value)}; a file of state is named after what it is about"
            self._problems.setdefault(folder, []).append(Problem(path, 0, 0, wrong))
            return None
        return value

    def _from_cache(self) -> dict[str, Any]:
        if self._saved is not None:
            return {}
        raw = self._cache.read(CACHE_NAME)
        try:
            self._saved = msgspec.json.decode(raw, type=_Saved) if raw else _Saved()
        except (msgspec.MsgspecError, RecursionError):
            self._saved = _Saved()
        saved = self._saved
        groups = (saved.statuses, saved.entries, saved.identities, saved.gates, saved.convoys, saved.incidents)
        return {oid: value for group in groups for oid, value in group.items()}

    # --- kinds that are not one flat folder --------------------------------------------------------------------------

    def _identities(self, root: Mapping[str, TreeEntry]) -> dict[AgentName, Identity]:
        found: dict[AgentName, Identity] = {}
        for agent in self._subfolders(root, paths.STATE_AGENTS):
            files = self._files(agent, f"{paths.STATE_AGENTS}/{agent.name}", documents.load_identity)
            if "identity" in files:
                found[AgentName(agent.name)] = files["identity"]
        return found

    def _controls(self, root: Mapping[str, TreeEntry]) -> dict[str, Any]:
        folder = root.get(paths.STATE_CONTROL)
        if folder is None or folder.kind != "tree":
            return {}
        inside = {entry.name: entry for entry in self._objects.tree(folder.oid)}
        freeze, brake = None, None
        if "freeze.yaml" in inside:
            read = self._value(inside["freeze.yaml"].oid, paths.FREEZE, paths.STATE_CONTROL, documents.load_freeze)
            freeze = read or UNREADABLE_BRAKE
        if "queue.yaml" in inside:
            oid = inside["queue.yaml"].oid
            held = self._value(oid, paths.QUEUE_CONTROL, paths.STATE_CONTROL, documents.load_queue_control)
            brake = held or QueueControl(paused=True, by="a file that cannot be read", reason=paths.QUEUE_CONTROL)
        tasks, queue = inside.get("tasks"), inside.get("queue")
        controls = self._files(tasks, f"{paths.STATE_CONTROL}/tasks", documents.load_control) if tasks else {}
        wishes = self._files(queue, f"{paths.STATE_CONTROL}/queue", documents.load_entry_control) if queue else {}
        post = inside.get("mail")
        answers = inside.get("incidents")
        asked = self._files(answers, paths.INCIDENT_CONTROL, documents.load_incident_control) if answers else {}
        letters = self._files(post, paths.MAIL_CONTROL, documents.load_mail_control) if post else {}
        said = inside.get("landings")
        landings = self._files(said, paths.LANDING_CONTROL, documents.load_landing_control) if said else {}
        return {
            "landing_controls": landings,
            "controls": {TaskId(k): v for k, v in controls.items()},
            "entry_controls": {EntryId(k): v for k, v in wishes.items()},
            "mail_controls": letters,
            "incident_controls": asked,
            "queue_control": brake or QueueControl(),
            "freeze": freeze,
        }

    def _mailboxes(self, root: Mapping[str, TreeEntry]) -> Mailboxes:
        entry = root.get(paths.STATE_MAIL)
        self._mail = self._mail.at(entry.oid if entry is not None and entry.kind == "tree" else None)
        return self._mail

    def _archive(self, root: Mapping[str, TreeEntry]) -> ArchiveIndex:
        entry = root.get(paths.STATE_ARCHIVE)
        tree = entry.oid if entry is not None and entry.kind == "tree" else None
        if tree not in self._archives:
            self._archives = {tree: ArchiveIndex(self._objects, tree)}
        return self._archives[tree]

    def _unreadable(self) -> frozenset[TaskId]:
        broken = [
            *self._problems.get(paths.STATE_TASKS, ()),
            *self._problems.get(f"{paths.STATE_CONTROL}/tasks", ()),
        ]
        return frozenset(TaskId(p.file.rsplit("/", 1)[-1].removesuffix(".yaml")) for p in broken)
