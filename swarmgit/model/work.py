"""What came of sessions: what was captured of their work, what gates saw, what a push came to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from swarmgit.model.ids import (
    BlobId,
    CommitId,
    EvidenceKey,
    GateName,
    SessionId,
    TreeId,
)
from swarmgit.model.intake import LeftOut
from swarmgit.model.secrets import Secret
from swarmgit.model.status import GateOutcome


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
