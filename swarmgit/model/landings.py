"""What came of moving the target, and what its own commits say: who they name, and what was taken back again."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from swarmgit.model.ids import CommitId, SessionId, TaskId


class Mention(Struct, frozen=True, array_like=True):
    """A commit that names a task in its trailers. `run`: which time the task landed by it, after `task reopen`."""

    commit: CommitId
    task: TaskId
    session: SessionId
    run: int = 1


class Revert(Struct, frozen=True, array_like=True):
    """A commit that undoes `of`, all of it: its change is the other's, the other way round.

    `tasks`: those that `of` names, each with its run; none where `of` is a revert itself.
    """

    commit: CommitId
    of: CommitId
    tasks: tuple[tuple[TaskId, int], ...] = ()


class Told(Struct, frozen=True):
    """What a stretch of history says, newest first."""

    mentions: tuple[Mention, ...] = ()
    reverts: tuple[Revert, ...] = ()


class TargetLanding(Struct, frozen=True):
    """A commit of the target that names a task which state does not know as landed.

    `proof`: where it is known that swarmgit landed it; '' where the commit only claims it: anybody can write a trailer.
    """

    commit: CommitId
    run: int
    proof: str = ""


class Drift(Struct, frozen=True):
    """What became of a landing.

    `gone`: the target lacks it; `commit` is the landing itself. `rewritten`: the target has its change as `commit`.
    `reverted`: the target has it, and `commit` takes all of it back.
    """

    kind: Literal["gone", "rewritten", "reverted"]
    commit: CommitId


class Landed(Struct, frozen=True):
    """`followed`: checkouts of the target whose files were brought along."""

    followed: tuple[str, ...] = ()


class Moved(Struct, frozen=True):
    """The target is not at `old` any more."""


class InTheWay(Struct, frozen=True):
    """Nothing was changed: these paths of `checkout` hold a person's edits, or another git command is at work.

    `is_hung`: whether they do cannot be told, because a filter of the person's does not come to an end.
    """

    checkout: str
    paths: tuple[str, ...]
    is_hung: bool = False
