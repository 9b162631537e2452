"""Sessions: what runs now, or has just ended, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeVar, cast

from msgspec import Struct, field

from swarmgit.model.endings import Stop
from swarmgit.model.events import Stream
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
from swarmgit.model.usage import Usage
from swarmgit.model.work import Capture, Evidence, Prediction, Push, Pushed

SessionKind = Literal["agent", "gate", "merge", "push", "triage"]
SessionState = Literal["starting", "running", "ending", "ended", "lost"]
"""`ending`: its processes are gone, and what they printed is not read to its end yet."""
Voice = Literal["stdout", "stderr"]

UNSTATED_WAIT_S, STATED_WAIT_S_MAX = 5.0, 8 * 86_400.0
"""How long a limit lasts of which its provider says no length, and the most that is believed."""

WAITED_S_MAX = 6 * 3600.0
"""So long in all a session may sit out limits. After that the wait counts like any other time."""

RESTART_AFTER = timedelta(seconds=2)
"""A session that has no process by then was cut off between its folder and its process; starting it is idempotent."""

SETTLE = timedelta(seconds=10)
"""After a gap in which nobody looked a session is looked at for so long before anything is stopped."""


class SessionSpec(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """`session.yaml`: all that is needed to know whose session this is, also after a crash."""

    id: SessionId
    base: CommitId
    """The commit that is checked out for it; of a push the one that is pushed."""

    started: datetime
    minutes_max: float
    """From `started` on, see `Session.deadline`."""

    attempt: int = 0
    """Of an agent its attempt; else which try it is: how often the same was lost, or came to nothing, before."""

    sandbox: str = ""
    """What confines it, in words; '' until it is started."""

    credentials_end: datetime | None = None
    """When a token made for it expires."""

    output_bytes_max: int = OUTPUT_BYTES_MAX
    """How much each stream of its output may take."""

    @property
    def kind(self) -> SessionKind:
        return cast("SessionKind", self.__struct_config__.tag)

    @property
    def task(self) -> TaskId | None:
        """For which task it works, None for none or for all."""
        return None

    @property
    def agent(self) -> AgentName | None:
        """Who works in it, None where no agent program does."""
        return None


class ProgramSpec(SessionSpec, frozen=True, kw_only=True):
    """A session in which an agent program works, in the name of an agent."""

    task: TaskId
    agent: AgentName
    runtime: str = ""
    model: str | None = None
    ports: tuple[int, ...] = ()
    """Of the loopback, the session's own until it is let go."""

    resume: str | None = None
    """The conversation of an earlier session that this one goes on with."""

    home: SessionId | None = None
    """In whose home folder that conversation is."""

    mail: tuple[MailId, ...] = ()
    """The messages that the prompt shows."""


class AgentSpec(ProgramSpec, frozen=True, kw_only=True, tag="agent"):
    """An attempt at a task."""

    generation: BlobId
    """The task's file that it works by."""

    experiment: str = ""
    """The experiment and arm (`id/arm`) that it belongs to."""


class MergeSpec(ProgramSpec, frozen=True, kw_only=True, tag="merge"):
    """A session that resolves the conflict of an entry: `head` is merged onto `base`."""

    entry: EntryId
    head: CommitId


class TriageSpec(ProgramSpec, frozen=True, kw_only=True, tag="triage"):
    """A session that says what is the matter with the session `watched`."""

    watched: SessionId


class GateSpec(SessionSpec, frozen=True, kw_only=True, tag="gate"):
    """One run of one gate on `tree` (a code tree). `work`, `reads`: see Evidence."""

    task: TaskId | None = None
    gate: GateName
    key: EvidenceKey
    tree: TreeId
    command: str = ""
    min_tests: int = 0
    junit: str | None = None
    work: tuple[CommitId, ...] = ()
    reads: EvidenceKey | None = None


class PushSpec(SessionSpec, frozen=True, kw_only=True, tag="push"):
    """A push of the target."""

    push: Push


AnySpec = AgentSpec | MergeSpec | TriageSpec | GateSpec | PushSpec


class Session(Struct, frozen=True):
    """A live session as observed: its kind is that of its `spec`."""

    spec: SessionSpec
    state: SessionState
    pid: int | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    """None with state `ended`: it never ran (`error` says why)."""

    error: str = ""
    cause: str = ""
    """The kind of incident that its end is, where its cause is known."""

    stop: Stop | None = None
    """Set once it was asked to end (and stays, across restarts); `stop_at` is when."""

    stop_at: datetime | None = None
    excess: Excess | None = None
    """How it wrote more than it may."""

    is_unheard: bool = False
    """What keeps its output has ended before it."""

    last_output: datetime | None = None
    spoke: tuple[Voice, ...] = ()
    """Where it printed last; both where nobody can tell."""

    is_finished: bool = False
    """Its work was taken in."""

    vitals: Vitals | None = None
    vigil: Vigil | None = None

    @staticmethod
    def of(spec: SessionSpec, state: SessionState, **facts: object) -> Session:
        """Return a session of the spec's kind."""
        return _CLASSES[type(spec)](spec, state, **facts)  # type: ignore[arg-type]  # the fields of that kind

    @property
    def is_over(self) -> bool:
        return self.state in {"ended", "lost"}

    @property
    def heard(self) -> datetime:
        """Since when it says nothing; time in which nobody could look, or the machine slept, is left out."""
        return self.vigil.heard if self.vigil is not None else self.last_output or self.spec.started

    @property
    def deadline(self) -> datetime:
        """When its time is over: neither what the machine slept counts, nor the wait for a provider."""
        vigil = self.vigil
        excused_s = vigil.missed_s + min(vigil.waited_s, WAITED_S_MAX) if vigil is not None else 0.0
        return self.spec.started + timedelta(minutes=self.spec.minutes_max, seconds=excused_s)

    @property
    def limited_until(self) -> datetime | None:
        """Until when it sits out a limit of its provider by itself, as far as that is believed; None: it works."""
        return None

    def is_limited(self, now: datetime) -> bool:
        return self.limited_until is not None and self.limited_until > now

    def is_late(self, now: datetime) -> bool:
        """Return whether its time is over, as one knows who has looked at it for a while."""
        return now >= self.deadline and self.is_settled(now)

    def is_settled(self, now: datetime) -> bool:
        """Return whether it was looked at for long enough since the last gap to judge it."""
        return self.vigil is None or self.vigil.since is None or now - self.vigil.since >= SETTLE


class ProgramSession(Session, frozen=True):
    """A session in which an agent program works."""

    spec: ProgramSpec
    stream: Stream = field(default_factory=Stream)
    stderr_tail: str = ""
    report: str | None = None
    capture: Capture | None = None
    """What it made, once it is finished; None where there was no worktree."""

    transcript: str | None = None
    repetition: Repetition = field(default_factory=Repetition)
    hearing: Hearing = field(default_factory=Hearing)
    ceiling: Usage | None = None
    """The most that it can have used in its time; None: it says nothing of it."""

    @property
    def limited_until(self) -> datetime | None:
        limited = self.stream.limited
        if self.is_over or limited is None or (self.vigil is not None and self.vigil.waited_s >= WAITED_S_MAX):
            return None
        said = self.last_output or self.spec.started
        wait_s = min(max(limited.wait_s or UNSTATED_WAIT_S, 0.0), STATED_WAIT_S_MAX)
        until = limited.until or said + timedelta(seconds=wait_s)
        return min(until, said + timedelta(seconds=STATED_WAIT_S_MAX))


class AgentSession(ProgramSession, frozen=True):
    """An attempt at a task."""

    spec: AgentSpec
    predicted: Prediction | None = None
    summary: Summary | None = None
    """What it has written down for a successor."""

    acceptance: Acceptance | None = None
    """How it says that it has understood its predecessor's."""


class MergeSession(ProgramSession, frozen=True):
    """A session that resolves a conflict."""

    spec: MergeSpec


class TriageSession(ProgramSession, frozen=True):
    """A session that judges another one."""

    spec: TriageSpec


class GateSession(Session, frozen=True):
    """A run of a gate."""

    spec: GateSpec
    evidence: Evidence | None = None


class PushSession(Session, frozen=True):
    """A push."""

    spec: PushSpec
    pushed: Pushed | None = None


_CLASSES: Mapping[type[SessionSpec], type[Session]] = {
    AgentSpec: AgentSession,
    MergeSpec: MergeSession,
    TriageSpec: TriageSession,
    GateSpec: GateSession,
    PushSpec: PushSession,
}

Kind = TypeVar("Kind", bound=Session)


def of_kind(sessions: Iterable[Session], kind: type[Kind]) -> list[Kind]:
    """Return the sessions of one kind."""
    return [session for session in sessions if isinstance(session, kind)]
