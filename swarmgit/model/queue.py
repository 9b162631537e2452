"""The merge queue's ledger: entries, what each would land as, and the events of its history in their order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType, field

from swarmgit.model.ids import AgentName, CommitId, EntryId, EvidenceKey, GateName, SessionId, TaskId, TreeId
from swarmgit.model.status import Difference, GateOutcome, GateResult, Rejection

EntryState = Literal["queued", "gating", "resolving", "landing", "landed", "rejected", "dropped"]
WAITING: frozenset[str] = frozenset({"queued", "gating", "resolving"})
"""States of entries that may still be taken out of the line."""

Why = Literal["exact", "search", "screen", "rerun"]
"""What a stack is gated for: to land it, to find a culprit, to learn, or once more because it was red."""

Way = Literal["generated", "ai"]
"""Who resolves a conflict: the commands that make the files again, or the role `merger`."""

ResolutionOutcome = Literal["resolved", "failed", "paused", "stopped", "lost"]
Resolutions = tuple[Mapping[str, Any], ...]
"""How each path was resolved, for people: path, resolvers, and what the rules found. Nothing is decided by it."""


class Event(Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    """One event of an entry's history. The meaning of each key is in docs/formats.md, Events of the ledger.

    A key that an event need not have is left out of the file where it has its default.
    `more`: keys that only another version knows. They stay as they are.
    """

    at: datetime
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return what the event is called in the file."""
        return str(self.__struct_config__.tag)


class Queued(Event, frozen=True):
    """Work that has passed its own gates is in line."""

    head: CommitId
    base: CommitId
    tier: str | None = None


class Held(Event, frozen=True):
    """A person is asked for a verdict: on the agent's work, or on a candidate; then it says which."""

    why: str
    head: CommitId
    base: CommitId | None = None
    commit: CommitId | None = None
    tree: TreeId | None = None


class Reviewed(Event, frozen=True):
    """A person has answered the question number `round`."""

    verdict: Literal["pass", "fail"]
    by: str
    how: str
    round: int
    head: CommitId
    policy: str
    difference: Difference


class Released(Event, frozen=True):
    """Nothing asks for the verdict any more."""

    why: str


class Gating(Event, frozen=True):
    """The entries of `stack`, of which this is the last, are gated as one tree."""

    base: CommitId
    commit: CommitId
    code_tree: TreeId
    stack: tuple[EntryId, ...] = ()
    why: Why | None = None
    tier: str = "clean"
    resolution: Resolutions | None = None


class Red(Event, frozen=True):
    """One run of a gate on the tree of `stack` did not pass; nobody is to blame yet."""

    base: CommitId
    stack: tuple[EntryId, ...]
    code_tree: TreeId
    gate: GateName
    outcome: GateOutcome
    key: EvidenceKey
    session: SessionId | None


class Landing(Event, frozen=True):
    """The intent: the target will move from `old` to `new`. `stack`: entries that land as one commit."""

    old: CommitId
    new: CommitId
    code_tree: TreeId
    required: tuple[GateName, ...]
    stack: tuple[EntryId, ...] = ()
    tier: str = "clean"
    resolution: Resolutions | None = None


class Landed(Event, frozen=True):
    """The target contains the commit."""

    commit: CommitId


class Abandoned(Event, frozen=True):
    """The intent was taken back."""

    reason: str


class Resolving(Event, frozen=True):
    """A conflict of `head` with `onto` is a session's now.

    `others`: landed tasks whose files it touches. `run`: the commands that make files again.
    `feedback`: what a gate said of the last try. `beneath`: the entries between it and the target, each with its work.
    """

    session: SessionId
    number: int = field(name="try")
    way: Way
    onto: CommitId
    head: CommitId
    paths: tuple[str, ...]
    may_change: tuple[str, ...]
    others: tuple[TaskId, ...] = field(name="with")
    run: tuple[str, ...] = ()
    feedback: Rejection | None = None
    beneath: tuple[tuple[EntryId, CommitId], ...] = ()


class ResolutionEnded(Event, frozen=True, kw_only=True):
    """What is said of a session over a conflict, whatever came of it. `usd`: None where no price is known."""

    way: Way
    session: SessionId | None = None
    agent: AgentName | None = None
    runtime: str = ""
    model: str | None = None
    tokens: int = 0
    usd: float | UnsetType | None = UNSET


class Resolved(ResolutionEnded, frozen=True, kw_only=True):
    """The merge `proposal` of both sides stands in the place of the task's own work."""

    session: SessionId
    tier: str
    proposal: CommitId
    others: tuple[TaskId, ...] = field(name="with")
    beneath: tuple[tuple[EntryId, CommitId], ...] = ()
    resolution: Resolutions


class Unresolved(ResolutionEnded, frozen=True, kw_only=True):
    """There is no resolution, or it does not hold. `outcome`: what became of the session, where there was one."""

    reason: str
    outcome: ResolutionOutcome | None = None
    salvage: str | None = None


class Rejected(Event, frozen=True):
    """The work went back: for a conflict in `paths`, for a gate, or by a person's verdict."""

    rejection: str = field(name="kind")
    reason: str
    paths: tuple[str, ...] | None = None
    gate: GateName | None = None
    outcome: GateOutcome | None = None
    key: EvidenceKey | None = None
    base: CommitId | None = None
    green: tuple[EntryId, ...] | None = None
    reds: int | None = None
    verdict: Literal["pass", "fail"] | None = None
    by: str | None = None
    how: str | None = None
    round: int | None = None
    head: CommitId | None = None
    policy: str | None = None
    difference: Difference | None = None


class Revived(Event, frozen=True):
    """A person wants exactly this work tried again."""

    by: str | None


class Dropped(Event, frozen=True):
    """The entry left the line."""

    reason: str


class Unknown(Event, frozen=True):
    """An event of another version. Nothing is decided by it."""

    name: str

    @property
    def kind(self) -> str:
        return self.name


LedgerEvent = (
    Queued
    | Held
    | Reviewed
    | Released
    | Gating
    | Red
    | Landing
    | Landed
    | Abandoned
    | Resolving
    | Resolved
    | Unresolved
    | Rejected
    | Revived
    | Dropped
    | Unknown
)
E = TypeVar("E", bound=Event)


class Candidate(Struct, frozen=True):
    """The exact commit an entry would land as: its first parent is `base`, the target's head when it was made.

    `signer`: whose key signed it, as a line of git's allowed signers; '' where none did.
    """

    base: CommitId
    commit: CommitId
    code_tree: TreeId
    gate_inputs: Mapping[str, str] = field(default_factory=dict)
    signer: str = ""


class Entry(Struct, frozen=True):
    """One merge-queue entry: a file in the ledger, its events in order. State is what the last events say.

    `head` is the task's own work. `proposal`: a merge of it whose conflicts were resolved; then that is what lands.
    `run`: which time the task lands by it.
    `guarded`: the paths it changes that only land with a person's verdict.
    """

    id: EntryId
    task: TaskId
    session: SessionId
    agent: AgentName
    attempt: int
    head: CommitId
    base: CommitId
    enqueued: datetime
    priority: str = "normal"
    model: str | None = None
    state: EntryState = "queued"
    tier: str = "clean"
    candidate: Candidate | None = None
    evidence: tuple[GateResult, ...] = ()
    landed_commit: CommitId | None = None
    events: tuple[LedgerEvent, ...] = ()
    proposal: CommitId | None = None
    run: int = 1
    guarded: tuple[str, ...] = ()

    @property
    def work(self) -> CommitId:
        """Return the commit that is merged into the target."""
        return self.proposal or self.head

    @property
    def resolved(self) -> Resolved | None:
        """Return how its conflicts were resolved, None where that does not stand."""
        return self.last(Resolved) if self.proposal is not None else None

    def last(self, *kinds: type[E]) -> E | None:
        """Return the newest event of some kinds, None where there is none."""
        return next((event for event in reversed(self.events) if isinstance(event, kinds)), None)

    def every(self, kind: type[E]) -> tuple[E, ...]:
        """Return its events of a kind, the oldest first."""
        return tuple(event for event in self.events if isinstance(event, kind))
