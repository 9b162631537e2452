"""What a person asked for from the command line: written by commands into state, only read by the tick."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from swarmgit.model.ids import CommitId, EntryId, TaskId, TreeId
from swarmgit.model.status import Difference


class TaskControl(Struct, frozen=True):
    """What a person asked for a task from the command line; written by commands, only read by the tick."""

    paused: bool = False
    cancelled: bool = False
    restart: str | None = None
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class LandingControl(Struct, frozen=True):
    """What a person says of a task that the target names already. The tick that carries it out removes it.

    `accept`: `commit` counts as its landing. `reopen`: it is worked for once more, for the time `run`.
    """

    task: TaskId
    wants: Literal["accept", "reopen"]
    commit: CommitId | None = None
    run: int = 1
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class Acknowledgement(Struct, frozen=True):
    """A commit whose violations of a promise a person has taken note of; `fsck` shows them apart from then on."""

    commit: CommitId
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class Freeze(Struct, frozen=True):
    by: str
    at: datetime
    reason: str = ""


class QueueControl(Struct, frozen=True):
    """A person's brake on landings only; gates go on."""

    paused: bool = False
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class EntryControl(Struct, frozen=True):
    """What a person asked for one entry. `retry`: red answers from before then do not count."""

    urgent: bool = False
    dropped: bool = False
    retry: datetime | None = None
    by: str = ""
    reason: str = ""
    at: datetime | None = None


class Verdict(Struct, frozen=True):
    """What a person says of held work: it lands, or goes back with `text` as the reason.

    `round`: which of the entry's questions it answers. `how`: how the person was asked for it. It is about `head`,
    the difference and the policy, by their digests; `tree`: the exact tree that was shown, where conflicts were
    resolved in it.
    """

    entry: EntryId
    task: TaskId
    verdict: Literal["pass", "fail"]
    by: str
    how: Literal["terminal", "web", "signed"]
    at: datetime
    round: int
    head: CommitId
    difference: Difference
    policy: str
    tree: TreeId | None = None
    text: str = ""
