"""What runs now: sessions, what they said, what was captured of their work, and what gates saw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct, field

from swarmgit.model.events import FileAction, Stream
from swarmgit.model.handoffs import Acceptance, Summary
from swarmgit.model.health import OUTPUT_BYTES_MAX, Excess, Hearing, Repetition, Vigil, Vitals
from swarmgit.model.ids import (
    AgentName,
    BlobId,
    CommitId,
    EntryId,
    EvidenceKey,
    GateName,
    MailId,
    SessionId,
    TaskId,
    TreeId,
)
from swarmgit.model.intake import LeftOut
from swarmgit.model.secrets import Secret
from swarmgit.model.status import GateOutcome
from swarmgit.model.usage import Usage

__all__ = [
    "AGENT_PROGRAMS",
    "Capture",
    "Change",
    "Evidence",
    "FileAction",
    "Session",
    "SessionKind",
    "SessionSpec",
    "SessionState",
    "Stream",
    "Taken",
]

SessionKind = Literal["agent", "gate", "merge", "push", "triage"]
SessionState = Literal["starting", "running", "ending", "ended", "lost"]
"""`ending`: its processes are gone, and what they printed is not read to its end yet."""
AGENT_PROGRAMS: frozenset[SessionKind] = frozenset({"agent", "merge", "triage"})
"""The kinds of session in which an agent program works."""
Voice = Literal["stdout", "stderr"]

UNSTATED_WAIT_S, STATED_WAIT_S_MAX = 5.0, 8 * 86_400.0
"""How long a limit lasts of which its provider says no length, and the most that is believed."""

WAITED_S_MAX = 6 * 3600.0
"""So long in all a session may sit out limits. After that the wait counts like any other time."""

RESTART_AFTER = timedelta(seconds=2)
"""A session that has no process by then was cut off between its folder and its process; starting it is idempotent."""

SETTLE = timedelta(seconds=10)
"""After a gap in which nobody looked a session is looked at for so long before anything is stopped."""


class Push(Struct, frozen=True):
    """Bring `new` to `branch` of `remote`, which is known to be at `old` (None: not known)."""

    remote: str
    branch: str
    new: CommitId
    old: CommitId | None = None


class Pushed(Struct, frozen=True):
    """What a push came to. `rejected`: the remote was asked and is elsewhere, or does not want it; it was fetched.

    `failed`: nobody knows what the remote thinks. `reason` is git's or the remote's words, without credentials.
    """

    outcome: Literal["taken", "rejected", "failed"]
    reason: str = ""


class SessionSpec(Struct, frozen=True):
    """`session.yaml`: all that is needed to know whose session this is, also after a crash.

    An agent's session has `task`, `attempt`, `agent`, `runtime`, `base`, `generation`; a gate's has `gate`, `key`,
    `tree` (code tree), `base` (the commit that is checked out), `work`, `reads` (see Evidence);
    a merge has `entry`, `base` and `head` (the two
    sides), `task`, `agent`, `runtime`; a push has `push`, and `attempt` counts how often in a row it came to nothing
    before; a triage has `watched`, the session it is about. `minutes_max`: from `started` on, see `Session.deadline`.
    `resume`: the conversation of an earlier session that this one goes on with; `home`: in whose home folder that
    is. `mail`: the messages that the prompt
    shows. `sandbox`: what confines it, in words; '' until it is started. `credentials_end`: when a token made for it
    expires. `experiment`: the experiment and arm (`id/arm`) that it belongs to. `ports`: of the loopback, the
    session's own until it is let go. `output_bytes_max`: how much each stream of its output may take.
    """

    id: SessionId
    kind: SessionKind
    base: CommitId
    started: datetime
    minutes_max: float
    task: TaskId | None = None
    attempt: int = 0
    agent: AgentName | None = None
    runtime: str = ""
    model: str | None = None
    resume: str | None = None
    home: SessionId | None = None
    generation: BlobId | None = None
    gate: GateName | None = None
    key: EvidenceKey | None = None
    tree: TreeId | None = None
    entry: EntryId | None = None
    head: CommitId | None = None
    min_tests: int = 0
    junit: str | None = None
    command: str = ""
    push: Push | None = None
    mail: tuple[MailId, ...] = ()
    sandbox: str = ""
    credentials_end: datetime | None = None
    experiment: str = ""
    watched: SessionId | None = None
    work: tuple[CommitId, ...] = ()
    reads: EvidenceKey | None = None
    ports: tuple[int, ...] = ()
    output_bytes_max: int = OUTPUT_BYTES_MAX


class Change(Struct, frozen=True):
    """One line of `diff-tree -r -z --raw --no-renames`; modes are octal strings, '000000' where absent."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    old_blob: BlobId
    new_blob: BlobId


"""How the error of a session begins that never had a place to work."""

TAMPERED = "changed while the session ran"
"""In an objection: somebody changed what the person's own git obeys, meanwhile."""


class Capture(Struct, frozen=True):
    """A session's work as the engine took it in: one commit on its base, and the net difference against it.

    `objections`: what the scan refused before any rule was applied, each a sentence that names the path.
    `markers`: changed files that hold conflict markers. `undecided`: conflicts of a merge that were left as they lay.
    `links`: target of each changed symbolic link. `gate_inputs`: for each gate with `inputs`, the hash of that part of
    the tree. `secrets`: what looks like one in the lines that were added. `tampered`: which of the person's
    refs lost something meanwhile, each in words. `subject`: the first line of what the agent itself said of it.
    `twins`: new names with the same letters as others beside them. `left_out`: what the agent made besides.
    `proposed`: by the path of each task file that was written and can be read, what that task would own.
    """

    commit: CommitId
    code_tree: TreeId
    base: CommitId
    changes: tuple[Change, ...] = ()
    objections: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    gate_inputs: Mapping[str, str] = field(default_factory=dict)
    salvage: str | None = None
    secrets: tuple[Secret, ...] = ()
    tampered: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    left_out: LeftOut | None = None
    proposed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subject: str = ""


class Taken(Struct, frozen=True):
    """`capture.json`: a session's work was taken in; `capture` is None where there was no worktree.

    `transcript`: the ref that keeps what it was told and said.
    """

    capture: Capture | None = None
    transcript: str | None = None


class Evidence(Struct, frozen=True):
    """What one run of one gate saw. `places` are dicts with any of file, line, test, message, expected, found.

    `work`: the heads of the work in the tree that had not landed. `reads`: equal for all trees in which the gate's
    `inputs` are the same, None without `inputs`.
    """

    key: EvidenceKey
    gate: GateName
    outcome: GateOutcome
    tree: TreeId
    session: SessionId
    at: datetime
    seconds: float = 0.0
    reason: str = ""
    command: str = ""
    exit_code: int | None = None
    tests: int | None = None
    work: tuple[CommitId, ...] = ()
    reads: EvidenceKey | None = None
    places: tuple[Mapping[str, Any], ...] = ()
    output: str = ""


class Prediction(Struct, frozen=True):
    """What of a live session's work conflicted with commit `onto` when it was looked at."""

    onto: CommitId
    paths: tuple[str, ...]
    at: datetime


class Session(Struct, frozen=True):
    """A live session as observed. `exit_code` None with state `ended`: it never ran (`error` says why; `cause`: the
    kind of incident that it is, where its cause is known).

    `is_finished`: its work was taken in; `capture` is then what there was, None where there was no worktree. `spoke`:
    where it printed last; both where nobody can tell. `stop_reason` is set once a stop was asked for (and stays,
    across restarts); `stop_at` is when. `excess`: how it wrote more than it may. `is_unheard`: what keeps its output
    has ended before it. `summary`: what it has written down for a successor; `acceptance`: how it says
    that it has understood its predecessor's. `ceiling`: the most that it can have used in its time; None: it says
    nothing of it.
    """

    spec: SessionSpec
    state: SessionState
    pid: int | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    error: str = ""
    cause: str = ""
    stop_reason: str | None = None
    stop_at: datetime | None = None
    excess: Excess | None = None
    is_unheard: bool = False
    last_output: datetime | None = None
    spoke: tuple[Voice, ...] = ()
    stream: Stream = field(default_factory=Stream)
    stderr_tail: str = ""
    report: str | None = None
    is_finished: bool = False
    capture: Capture | None = None
    transcript: str | None = None
    evidence: Evidence | None = None
    vitals: Vitals | None = None
    repetition: Repetition = field(default_factory=Repetition)
    pushed: Pushed | None = None
    predicted: Prediction | None = None
    summary: Summary | None = None
    acceptance: Acceptance | None = None
    vigil: Vigil | None = None
    hearing: Hearing = field(default_factory=Hearing)
    ceiling: Usage | None = None

    @property
    def is_over(self) -> bool:
        return self.state in {"ended", "lost"}

    @property
    def heard(self) -> datetime:
        """Since when it says nothing; time in which nobody could look, or the machine slept, is left out."""
        return self.vigil.heard if self.vigil is not None else self.last_output or self.spec.started

    @property
    def limited_until(self) -> datetime | None:
        """Until when it sits out a limit of its provider by itself, as far as that is believed; None: it works."""
        limited = self.stream.limited
        if self.is_over or limited is None or (self.vigil is not None and self.vigil.waited_s >= WAITED_S_MAX):
            return None
        said = self.last_output or self.spec.started
        wait_s = min(max(limited.wait_s or UNSTATED_WAIT_S, 0.0), STATED_WAIT_S_MAX)
        until = limited.until or said + timedelta(seconds=wait_s)
        return min(until, said + timedelta(seconds=STATED_WAIT_S_MAX))

    @property
    def deadline(self) -> datetime:
        """When its time is over: neither what the machine slept counts, nor the wait for a provider."""
        vigil = self.vigil
        excused_s = vigil.missed_s + min(vigil.waited_s, WAITED_S_MAX) if vigil is not None else 0.0
        return self.spec.started + timedelta(minutes=self.spec.minutes_max, seconds=excused_s)

    def is_limited(self, now: datetime) -> bool:
        return self.limited_until is not None and self.limited_until > now

    def is_late(self, now: datetime) -> bool:
        """Return whether its time is over, as one knows who has looked at it for a while."""
        return now >= self.deadline and self.is_settled(now)

    def is_settled(self, now: datetime) -> bool:
        """Return whether it was looked at for long enough since the last gap to judge it."""
        return self.vigil is None or self.vigil.since is None or now - self.vigil.since >= SETTLE
