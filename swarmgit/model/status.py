"""What swarmgit knows: the values stored on the state branch. Derived figures are computed from them, never stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from swarmgit.model.endings import AttemptOutcome, Cause
from swarmgit.model.handoffs import Handoff
from swarmgit.model.ids import (
    AgentName,
    BlobId,
    CommitId,
    ConvoyId,
    EntryId,
    EvidenceKey,
    GateName,
    SessionId,
    TaskId,
    TreeId,
)
from swarmgit.model.intake import LeftOut
from swarmgit.model.usage import Aside, Usage, Voice

Phase = Literal[
    "waiting",
    "running",
    "verifying",
    "queued",
    "landed",
    "reverted",
    "rework",
    "needs-human",
    "unchanged",
    "reported",
    "failed",
    "cancelled",
]
FINISHED: frozenset[str] = frozenset({"landed", "reverted", "unchanged", "reported", "cancelled"})
ASLEEP: frozenset[str] = frozenset({"failed", "needs-human"})

GateOutcome = Literal["pass", "fail", "error", "skipped"]


class GateResult(Struct, frozen=True):
    """One gate's answer about one tree. `reused` says that the run was made for something else with the same key."""

    gate: GateName
    outcome: GateOutcome
    key: EvidenceKey
    tree: TreeId
    at: datetime
    seconds: float = 0.0
    session: SessionId | None = None
    reused: bool = False
    reason: str = ""


class Rejection(Struct, frozen=True):
    """Why work went back, in a form that an agent can act on. Written to `feedback.json` and shown in the prompt."""

    kind: Literal[
        "gate",
        "scope",
        "protected",
        "markers",
        "secret",
        "conflict",
        "no-change",
        "exit",
        "timeout",
        "lost",
        "stopped",
        "budget",
        "review",
    ]
    summary: str
    next_step: str
    gate: GateName | None = None
    command: str | None = None
    exit_code: int | None = None
    places: tuple[Mapping[str, Any], ...] = ()
    paths: tuple[str, ...] = ()
    output: str = ""
    reference: str | None = None


class Difference(Struct, frozen=True):
    """What a person's verdict is about, as digests: the lines that differ, the paths with their modes and types, and
    the content of the files that only land with a verdict."""

    patch: str
    files: str
    guarded: str


class Attempt(Struct, frozen=True):
    """One session's try at a task. `head` is the captured commit, `tree` its code tree (without `.swarm/`).

    `kept_paths`: after a rejection or a pause, the changed paths that the next attempt starts with again.
    `conversation`: what a later session needs to go on with this one. `retry_at`: not before then.
    `speaks_for`: whom a limit or a refusal binds that it ended with; an account only together with another session.
    `experiment`: the experiment and arm (`id/arm`) that it was made for.
    `transcript`: the ref under which what the session was told and has said is kept for a while. `handoff`: what it
    told its successor, and whether that one has understood. `guarded`: the changed paths that only land with a
    person's verdict. `left_out`: what it made besides.
    """

    number: int
    session: SessionId
    agent: AgentName
    runtime: str
    base: CommitId
    generation: BlobId
    started: datetime
    model: str | None = None
    ended: datetime | None = None
    outcome: AttemptOutcome = "running"
    reason: str = ""
    cause: Cause = ""
    head: CommitId | None = None
    tree: TreeId | None = None
    usage: Usage = field(default_factory=Usage)
    gates: tuple[GateResult, ...] = ()
    rejection: Rejection | None = None
    salvage: str | None = None
    kept_paths: tuple[str, ...] = ()
    gate_inputs: Mapping[str, str] = field(default_factory=dict)
    conversation: str | None = None
    retry_at: datetime | None = None
    speaks_for: Voice = "session"
    experiment: str = ""
    transcript: str | None = None
    handoff: Handoff | None = None
    guarded: tuple[str, ...] = ()
    left_out: LeftOut | None = None

    @property
    def seconds(self) -> float | None:
        return (self.ended - self.started).total_seconds() if self.ended else None


class Condition(Struct, frozen=True):
    type: str
    status: Literal["true", "false", "unknown"]
    reason: str
    message: str
    since: datetime
    observed_generation: BlobId | None = None


class TaskStatus(Struct, frozen=True):
    """`window` is the number of the first attempt that counts against the budget: a changed task file or
    `task restart` opens a new window. `restart` is the last restart request that was honoured. `taken_from`: agents
    that could not do it, and do not get it again. `asides`: sessions that worked for it besides its attempts.
    `paid_from`: the first attempt whose cost counts: a person's restart or edit begins anew, another agent does not.
    `run`: which time it is worked for: only a person's `task reopen` lets a task that has landed land again.
    `generation`: its file when it was last looked at. `renamed_from`: earlier names, the oldest first; what landed
    under one of them names that. `renamed_to`: what its file is called now, while it still goes by its old name."""

    task: TaskId
    title: str
    phase: Phase = "waiting"
    reason: str = ""
    waiting_for: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    convoy: ConvoyId | None = None
    generation: BlobId | None = None
    entry: EntryId | None = None
    landed_commit: CommitId | None = None
    finished: datetime | None = None
    window: int = 1
    paid_from: int = 1
    restart: str | None = None
    taken_from: tuple[AgentName, ...] = ()
    asides: tuple[Aside, ...] = ()
    run: int = 1
    renamed_from: tuple[TaskId, ...] = ()
    renamed_to: TaskId | None = None

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def content(self) -> BlobId | None:
        """Return what its file was when it was last looked at."""
        return self.generation or (self.last.generation if self.last else None)

    @property
    def counted(self) -> tuple[Attempt, ...]:
        return tuple(a for a in self.attempts if a.number >= self.window)

    @property
    def paid(self) -> tuple[Attempt, ...]:
        """The attempts whose cost counts."""
        return tuple(a for a in self.attempts if a.number >= self.paid_from)


class Identity(Struct, frozen=True):
    """An agent's CV: counts of verified outcomes only, never of what an agent said of itself.

    `tasks_tried`: tasks of which an attempt was judged; of these `first_pass` passed with the first that was.
    `uncounted`: sessions that ended before their program had said all that they used; `tokens` is the least.
    The tables count attempts: completed (of these first_pass), rejected, failed. `by_kind`: what routing asks for,
    by `type/domain`.
    """

    name: AgentName
    role: str
    created: datetime
    sessions: int = 0
    tasks_tried: int = 0
    tasks_completed: int = 0
    first_pass: int = 0
    reworked: int = 0
    failed: int = 0
    tokens: int = 0
    usd: float | None = None
    uncounted: int = 0
    by_model: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_domain: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_kind: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    recent: tuple[Mapping[str, str], ...] = ()
