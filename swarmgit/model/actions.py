"""What a tick may do. Effects leave their evidence in the world (a folder, a ref, a file), so that the next
observation sees them; saves are values that the tick's one state commit writes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.desired import Gate, MergeConfig, Runtime, Scope, Task, WorktreeConfig
from swarmgit.model.endings import Stop
from swarmgit.model.failures import FailedStep, Failures, ForgetTries, Rescue, SetAside
from swarmgit.model.health import Excess
from swarmgit.model.histories import Followed, GateHistory
from swarmgit.model.ids import CommitId, EntryId, MailId, SessionId, TaskId
from swarmgit.model.incidents import ForgetAlerts, Incident
from swarmgit.model.mail import Mail
from swarmgit.model.pins import Submit, Unpin
from swarmgit.model.queue import Entry
from swarmgit.model.reasons import Reason
from swarmgit.model.renames import RenameTask
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.model.sessions import GateSpec, ProgramSpec, PushSpec
from swarmgit.model.status import Identity, Rejection, TaskStatus
from swarmgit.model.work import Evidence


class StartSession(Struct, frozen=True):
    """`carry`: a captured commit whose in-scope difference to its base is put into the worktree again.

    A session of kind merge starts on both sides laid out; `auto`: what rules may settle before.
    """

    spec: ProgramSpec
    task: Task
    runtime: Runtime
    worktree: WorktreeConfig
    prompt: str
    reason: str
    feedback: Rejection | None = None
    carry: CommitId | None = None
    carry_paths: tuple[str, ...] = ()
    auto: MergeConfig | None = None


class StopSession(Struct, frozen=True):
    """Ask a session to end: TERM now, KILL for the whole tree once `grace_s` seconds have passed.

    `excess`: what it wrote more than it may, to be left word of.
    """

    session: SessionId
    task: TaskId | None
    stop: Stop
    grace_s: float = 5.0
    excess: Excess | None = None


class FinishSession(Struct, frozen=True):
    """Take a session's work in: make sure no process of it is left, capture the tree, save what has not landed.

    `without_base`: the commit that it started from cannot be had; then all of its files are saved, and nothing judged.
    """

    spec: ProgramSpec
    title: str
    gates: tuple[Gate, ...]
    worktree: WorktreeConfig
    salvage: bool
    reason: str = "the session has ended"
    auto: MergeConfig | None = None
    without_base: bool = False
    scope: Scope | None = None


class Predict(Struct, frozen=True):
    """Look at a live session's worktree: what of it would conflict with commit `onto`, merged by these rules."""

    session: SessionId
    onto: CommitId
    merge: MergeConfig | None


class RunGate(Struct, frozen=True):
    spec: GateSpec
    worktree: WorktreeConfig
    reason: str
    task: TaskId | None = None


class KeepEvidence(Struct, frozen=True):
    evidence: Evidence


class MergeItem(Struct, frozen=True):
    """One entry to merge; `message` is the candidate's text, trailers included.

    `guarded`: the paths whose content a person's verdict is about; None: nobody asks what the candidate changes.
    """

    entry: EntryId
    task: TaskId
    head: CommitId
    message: str
    guarded: tuple[str, ...] | None = None


class TryMerges(Struct, frozen=True):
    """Merge in memory, each item on the candidate of the one before it, the first on `onto`.

    Stops at the first conflict: what comes after it would be merged on something that will not land. `auto`: how
    conflicts may be resolved by rules, None where they may not. `is_signed`: each candidate is, by its agent's key.
    """

    onto: CommitId
    items: tuple[MergeItem, ...]
    gates: tuple[Gate, ...]
    style: str = "merge"
    auto: MergeConfig | None = None
    rules: str = ""
    is_signed: bool = False


class Remember(Struct, frozen=True):
    """A proposal has landed: keep how its conflicts were resolved."""

    proposal: CommitId


class Land(Struct, frozen=True):
    """Carry out recorded landing intents: move `target` from `old` to `new`, compare-and-swap.

    `entries` land together: each one's candidate is the first parent of the next one's, `new` is the last one's.
    `works`: what each entry's agent changed, as (base, head).
    """

    entries: tuple[EntryId, ...]
    target: str
    old: CommitId
    new: CommitId
    works: tuple[tuple[CommitId, CommitId], ...] = ()


class StartPush(Struct, frozen=True):
    """Start the push of `spec.push`. `entry`: whose candidate it is, to be brought here first; None: it is here.

    `target_head`: the target as it is, whose history the remote needs not be given again.
    """

    spec: PushSpec
    target_head: CommitId
    reason: str
    entry: EntryId | None = None


class FollowRemote(Struct, frozen=True):
    """Move `target` forward from `old` to `new`, which somebody else pushed. `entries` wait for that."""

    target: str
    old: CommitId
    new: CommitId
    entries: tuple[EntryId, ...] = ()


class Salvage(Struct, frozen=True):
    """Pin a captured commit that will not land by `ref`: below `refs/swarm/salvage` or `refs/swarm/abandoned`."""

    task: TaskId
    session: SessionId
    commit: CommitId
    ref: str


class Retire(Struct, frozen=True):
    """A session's facts are recorded: give its worktree back and stop looking at its folder."""

    session: SessionId
    task: TaskId | None = None


Document = TaskStatus | Entry | Identity | GateHistory | ConvoyStatus | Incident | Failures | Followed | Mail
"""What a tick writes to the state branch; each kind has its row in `state/kinds.py`."""


class Save(Struct, frozen=True):
    """Write a value to its file on the state branch; without content its file goes.

    `reason`: its line in the commit's message, '' where only the kind is told. `replaces`: a file that goes with it.
    """

    value: Document
    reason: str = ""
    replaces: str = ""


def saves(action: Action, *types: type[Document]) -> bool:
    """Return whether an action saves a value of one of these types."""
    return isinstance(action, Save) and isinstance(action.value, types)


class SaveFile(Struct, frozen=True):
    """A state file that is text already. `append`: add to what is there; `once`: unless it is there as a line."""

    path: str
    content: str
    append: bool = False
    once: bool = False


class Archive(Struct, frozen=True):
    """Move a finished thing's file out of the hot folders."""

    path: str
    to: str


class Remove(Struct, frozen=True):
    """Delete a file of state: a request of a person that was carried out."""

    path: str


class DeliverMail(Struct, frozen=True):
    """Put copies of recorded messages into a live session's inbox, oldest first."""

    session: SessionId
    mails: tuple[Mail, ...]


class TakeMail(Struct, frozen=True):
    """Remove from an outbox what was recorded: letters by file name, receipts by message.

    `seeds`: by which each letter is known should its file resist. `times`: when each file was last changed, in
    nanoseconds; one that has changed since is another letter, and stays.
    """

    session: SessionId
    letters: tuple[str, ...] = ()
    receipts: tuple[MailId, ...] = ()
    seeds: tuple[str, ...] = ()
    times: tuple[int, ...] = ()


StateChange = Save | SaveFile | Archive | Remove | RenameTask
Effect = (
    StartSession
    | StopSession
    | FinishSession
    | Predict
    | RunGate
    | KeepEvidence
    | TryMerges
    | Remember
    | StartPush
    | FollowRemote
    | Land
    | Salvage
    | Retire
    | SetAside
    | Rescue
    | Submit
    | Unpin
    | DeliverMail
    | TakeMail
    | ForgetLeaks
    | ForgetAlerts
    | ForgetTries
)
Action = Effect | StateChange


class Plan(Struct, frozen=True):
    """What a tick will do. `views`: every unfinished task's status as this plan sees it, saved or not; `reasons`: why
    each of them is where it is.

    `is_settled`: nothing more will happen until a person acts. `wake_in_s`: look again by then at the latest.
    `failing`: steps that have failed and are not tried in this tick.
    """

    actions: tuple[Action, ...] = ()
    views: Mapping[TaskId, TaskStatus] = field(default_factory=dict)
    is_settled: bool = False
    needs_person: bool = False
    wake_in_s: float | None = None
    failing: tuple[FailedStep, ...] = ()
    reasons: Mapping[TaskId, Reason] = field(default_factory=dict)
