"""What gates have said over time, and what came to the target from elsewhere: stored on the state branch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from swarmgit.model.ids import CommitId, EvidenceKey, GateName, SessionId, TreeId


class Followed(Struct, frozen=True):
    """The target went forward to what somebody else had pushed, as by `git pull --ff-only`: not gated by us."""

    remote: str
    branch: str
    old: CommitId
    new: CommitId


class RedFull(Struct, frozen=True):
    """A gate with `inputs` was red on the whole of a tree. `is_confirmed`: more than once, so its inputs lie."""

    commit: CommitId
    tree: TreeId
    key: EvidenceKey
    at: datetime
    sessions: tuple[SessionId, ...]
    reason: str = ""
    is_confirmed: bool = False


class GateHistory(Struct, frozen=True):
    """How often a gate has answered what, and its last runs (newest last, at most 20).

    `days`: runs of the last days by date. `flakes`: runs that were red for a key that was green when it ran again (at,
    key, reason; newest last, at most 20). `last_full`: when it last passed on a whole tree without reuse.
    """

    gate: GateName
    passed: int = 0
    failed: int = 0
    errors: int = 0
    reused: int = 0
    seconds: float = 0.0
    last_pass: datetime | None = None
    last_fail: datetime | None = None
    recent: tuple[Mapping[str, Any], ...] = ()
    days: Mapping[str, int] = field(default_factory=dict)
    flakes: tuple[Mapping[str, Any], ...] = ()
    last_full: datetime | None = None
    red_full: RedFull | None = None
