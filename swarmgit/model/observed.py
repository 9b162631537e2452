"""The whole truth at one instant: commits, state files, sessions. What `plan` decides from."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from swarmgit.model.checkouts import Behind, IndexLock
from swarmgit.model.control import EntryControl, Freeze, LandingControl, QueueControl, TaskControl, Verdict
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.desired import Problem
from swarmgit.model.failures import Failures, Try
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import (
    AgentName,
    CommitId,
    ConvoyId,
    EntryId,
    EvidenceKey,
    GateName,
    MailId,
    SessionId,
    TaskId,
    TreeId,
)
from swarmgit.model.incidents import Alert, Incident, IncidentControl
from swarmgit.model.landings import Drift, TargetLanding
from swarmgit.model.mail import Mail, MailControl, Outbox
from swarmgit.model.queue import Entry
from swarmgit.model.renames import Former
from swarmgit.model.secrets import Leak
from swarmgit.model.sessions import ProgramSession, Session, of_kind
from swarmgit.model.status import Difference, Identity, TaskStatus
from swarmgit.model.work import Evidence


class MergeTry(Struct, frozen=True):
    """A merge tried in memory: either a candidate's tree or the paths that conflict.

    `tier`: 'clean' for git's own merge, 'auto' where rules resolved its conflicts. `resolution` has for each resolved
    path: path, resolvers, agreed, hunks, check. `hints`: where paths are left, the blob that is proposed for each.
    `both`: the paths that both sides changed. `regenerate`: all that is left is generated, by these commands.
    `rules`: the digest of the merge settings it was tried with. `signer`: whose key signed the candidate, as a line of
    git's allowed signers; '' where none did. `difference`: what the candidate changes, where that was asked for.
    """

    base: CommitId
    head: CommitId
    commit: CommitId | None
    code_tree: TreeId | None
    conflicts: tuple[str, ...] = ()
    gate_inputs: Mapping[str, str] = field(default_factory=dict)
    tier: str = "clean"
    resolution: tuple[Mapping[str, Any], ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    both: tuple[str, ...] = ()
    regenerate: tuple[str, ...] = ()
    rules: str = ""
    signer: str = ""
    difference: Difference | None = None


class RemoteHead(Struct, frozen=True):
    """The last that is known of the branch that landings are pushed to, and where it stands beside the target.

    `behind`: the target has all of it, and more. `unpushed`: the target's first-parent commits that it lacks.
    """

    head: CommitId
    relation: Literal["same", "behind", "ahead", "diverged"]
    unpushed: tuple[CommitId, ...] = ()


class Lack(Struct, frozen=True):
    """Why a commit cannot be had, as a sentence. `absent`: it is not there; `broken`: what it needs is not whole."""

    kind: Literal["absent", "broken"]
    text: str


class FreePorts(Protocol):
    def __call__(self, count: int, taken: AbstractSet[int], /) -> tuple[int, ...] | None:
        """Return so many free ports in a row, none of them in `taken`; None where none were found."""


def any_ports(count: int, taken: AbstractSet[int]) -> tuple[int, ...] | None:
    """Return the ports after those that are taken, on a machine where nobody else listens."""
    first = max(taken, default=10239) + 1
    return tuple(range(first, first + count))


class Stored(Struct, frozen=True):
    """What the state branch says.

    `archived` maps finished tasks that have left the hot folder to their path in state. `mail`: mailboxes by recipient,
    read on demand. `verdicts`: what people say of held entries. `failures`: steps that failed, by their owner.
    `unreadable`: tasks whose stored status is broken; they are left alone until a person has repaired the file.
    """

    statuses: Mapping[TaskId, TaskStatus] = field(default_factory=dict)
    archived: Mapping[TaskId, str] = field(default_factory=dict)
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

    def is_broken(self, path: str) -> bool:
        """Return whether a file of state cannot be read: then it is a person's to repair, not ours to overwrite."""
        return any(problem.file == path for problem in self.problems)


class Observed(Stored, frozen=True):
    """What state says, what the repository has, and what runs.

    `contained`: of the commits that entries are about to land, those the target already contains.
    `trusted_since`: a gate's answer other than pass counts only from then on: starting `reconcile` again is how a
    person says that the surroundings were repaired. `blocked`: entries whose landing an edit is in the way of.
    `is_waited_for`: a person waits for the end of this run.
    `behind`: checkouts of the target that do not show what has landed yet.
    `index_locks`: asked for only where one keeps a landing waiting.
    `environment` is the fingerprint that goes into every evidence key. `remote` None: nothing is pushed, or the remote
    was never heard of. `leaks`: secrets that were taken out of what was written, and not reported yet. `reports`: what
    went wrong outside of any plan, and has no incident yet. `tries`: what came of steps and is not in `failures` yet.
    `damaged`: sessions whose record cannot be read: nobody knows whose they are, or whether they still work.
    `ports` looks for free ones when it is asked. `obeyed`: names of files that agent programs obey, as
    their adapters say; read when there is work to judge.
    `unreachable`: by runtime and model ('' for none), why its sessions could not work.
    `landings`: commits of the target that name a task which state does not know as settled. `drift`: landings that
    state knows and that the target has no more, or not as they were.
    `needed`: the commits that open work stands on. `missing`: of these and of what was made of them, those that cannot
    be had, and why.
    `unsubmitted`: open entries whose work the person's repository has no ref for.
    `former`: the archived tasks that new files were before, by their new name.
    `at`: the instant that all of it is judged by, None for one of the past.
    """

    target_head: CommitId | None = None
    state_head: CommitId | None = None
    sessions: Mapping[SessionId, Session] = field(default_factory=dict)
    evidence: Mapping[EvidenceKey, Evidence] = field(default_factory=dict)
    merges: Mapping[tuple[CommitId, CommitId], MergeTry] = field(default_factory=dict)
    contained: frozenset[CommitId] = frozenset()
    target_code_tree: TreeId | None = None
    target_gate_inputs: Mapping[str, str] = field(default_factory=dict)
    blocked: Mapping[EntryId, tuple[str, ...]] = field(default_factory=dict)
    behind: tuple[Behind, ...] = ()
    index_locks: tuple[IndexLock, ...] = ()
    environment: str = ""
    trusted_since: datetime | None = None
    is_waited_for: bool = False
    obeyed: tuple[str, ...] = ()
    remote: RemoteHead | None = None
    outboxes: Mapping[SessionId, Outbox] = field(default_factory=dict)
    leaks: tuple[Leak, ...] = ()
    alerts: tuple[Alert, ...] = ()
    tries: tuple[Try, ...] = ()
    damaged: frozenset[SessionId] = frozenset()
    ports: FreePorts = any_ports
    unreachable: Mapping[tuple[str, str], str] = field(default_factory=dict)
    needed: frozenset[CommitId] = frozenset()
    unsubmitted: frozenset[EntryId] = frozenset()
    missing: Mapping[CommitId, Lack] = field(default_factory=dict)
    at: datetime | None = None
    landings: Mapping[TaskId, TargetLanding] = field(default_factory=dict)
    drift: Mapping[TaskId, Drift] = field(default_factory=dict)
    former: Mapping[TaskId, Former] = field(default_factory=dict)

    @property
    def programs(self) -> list[ProgramSession]:
        """The sessions in which an agent program works."""
        return of_kind(self.sessions.values(), ProgramSession)
