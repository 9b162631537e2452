"""What a tick may do. Effects leave their evidence in the world (a folder, a ref, a file), so that the next
observation sees them; saves are values that the tick's one state commit writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmgit.model.desired import Gate, Runtime, Task, WorktreeConfig
from swarmgit.model.ids import CommitId, EntryId, SessionId, TaskId
from swarmgit.model.status import Entry, GateHistory, Identity, Rejection, TaskStatus
from swarmgit.model.work import Evidence, SessionSpec


@dataclass(frozen=True, slots=True)
class StartSession:
    """`carry`: a captured commit whose in-scope difference to its base is put into the worktree again."""

    spec: SessionSpec
    task: Task
    runtime: Runtime
    worktree: WorktreeConfig
    prompt: str
    reason: str
    ports: int = 0
    feedback: Rejection | None = None
    carry: CommitId | None = None
    carry_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StopSession:
    """Ask a session to end: TERM now, KILL for the whole tree once `grace_s` seconds have passed."""

    session: SessionId
    task: TaskId | None
    reason: str
    grace_s: float = 5.0


@dataclass(frozen=True, slots=True)
class FinishSession:
    """Take a session's work in: make sure no process of it is left, capture the tree, save what has not landed."""

    spec: SessionSpec
    title: str
    gates: tuple[Gate, ...]
    worktree: WorktreeConfig
    salvage: bool
    reason: str = "the session has ended"


@dataclass(frozen=True, slots=True)
class RunGate:
    spec: SessionSpec
    worktree: WorktreeConfig
    reason: str
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class KeepEvidence:
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class TryMerge:
    """Merge in memory and build the candidate commit; `message` and the trailers are its text."""

    entry: EntryId
    task: TaskId
    onto: CommitId
    head: CommitId
    message: str
    gates: tuple[Gate, ...]
    style: str = "merge"


@dataclass(frozen=True, slots=True)
class Land:
    """Carry out a recorded landing intent: move `target` from `old` to `new`, compare-and-swap."""

    entry: EntryId
    task: TaskId
    target: str
    old: CommitId
    new: CommitId


@dataclass(frozen=True, slots=True)
class Salvage:
    """Pin a captured commit that will not land under `refs/swarm/salvage/<task>/<session>`."""

    task: TaskId
    session: SessionId
    commit: CommitId


@dataclass(frozen=True, slots=True)
class Retire:
    """A session's facts are recorded: give its worktree back and stop looking at its folder."""

    session: SessionId
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class SaveTask:
    status: TaskStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SaveEntry:
    entry: Entry


@dataclass(frozen=True, slots=True)
class SaveIdentity:
    identity: Identity


@dataclass(frozen=True, slots=True)
class SaveGateHistory:
    history: GateHistory


@dataclass(frozen=True, slots=True)
class SaveFile:
    """A state file that is text already (attribution lines, a report). `append`: add to what is there."""

    path: str
    content: str
    append: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveTask:
    task: TaskId
    path: str


Save = SaveTask | SaveEntry | SaveIdentity | SaveGateHistory | SaveFile | ArchiveTask
Effect = StartSession | StopSession | FinishSession | RunGate | KeepEvidence | TryMerge | Land | Salvage | Retire
Action = Effect | Save


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tick will do. `views`: every unfinished task's status as this plan sees it, saved or not.

    `is_settled`: nothing more will happen until a person acts. `wake_in_s`: look again by then at the latest.
    """

    actions: tuple[Action, ...] = ()
    views: Mapping[TaskId, TaskStatus] = field(default_factory=dict)
    is_settled: bool = False
    needs_person: bool = False
    wake_in_s: float | None = None
