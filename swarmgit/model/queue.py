"""The merge queue's ledger: entries, what each would land as, and the events of its history in their order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from swarmgit.model.ids import AgentName, CommitId, EntryId, SessionId, TaskId, TreeId
from swarmgit.model.status import GateResult

EntryState = Literal["queued", "gating", "resolving", "landing", "landed", "rejected", "dropped"]
WAITING: frozenset[str] = frozenset({"queued", "gating", "resolving"})
"""States of entries that may still be taken out of the line."""


class LedgerEvent(Struct, frozen=True):
    """One line of an entry's history. `data` holds plain values only; the kinds are listed in docs/formats.md."""

    at: datetime
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


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

    def last(self, kind: str) -> Mapping[str, Any] | None:
        """Return what the newest event of a kind says, None where there is none."""
        return next((event.data for event in reversed(self.events) if event.kind == kind), None)
