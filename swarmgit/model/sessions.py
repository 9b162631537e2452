"""Sessions: what runs now, or has just ended, and what is known of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

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


class Session(Struct, frozen=True):
    """A live session as observed. `exit_code` None with state `ended`: it never ran (`error` says why).

    `cause`: the kind of incident that its end is, where its cause is known.

    `is_finished`: its work was taken in; `capture` is then what there was, None where there was no worktree. `spoke`:
    where it printed last; both where nobody can tell. `stop` is set once it was asked to end (and stays, across
    restarts); `stop_at` is when. `excess`: how it wrote more than it may. `is_unheard`: what keeps its output
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
    stop: Stop | None = None
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
