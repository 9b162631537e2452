"""Failures of single steps: whose they are, in which words, and how often the same one came in a row."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from swarmgit.model.ids import EntryId, SessionId, TaskId

StepKey = tuple[str, str, str, str]
NOBODY = "_swarm"
"""Whose a step is that is no task's; no task can be called so."""


class Step(Struct, frozen=True):
    """One kind of action for one owner: what is tried again when it fails. `kind`: the action's name.

    `part`: what tells steps of one kind and owner apart (a gate). None of the owners: it is nobody's alone.
    """

    kind: str
    task: TaskId | None = None
    entry: EntryId | None = None
    session: SessionId | None = None
    part: str = ""

    @property
    def key(self) -> StepKey:
        """Return what says that two steps are the same one: owner, kind, entry, part."""
        part = self.part or (self.session if self.task is None else None) or ""
        return self.task or NOBODY, self.kind, self.entry or "", part

    @property
    def owner(self) -> str:
        """Return whose it is in words, '' where it is nobody's alone."""
        named = (("task", self.task), ("entry", self.entry), ("session", self.session))
        return next((f"{kind} {name}" for kind, name in named if name), "")


class Try(Struct, frozen=True):
    """What came of one try of a step, until the state has counted it. `signature` '': it worked.

    Two failures with the same signature are of the same kind.
    """

    step: Step
    at: datetime
    signature: str = ""
    message: str = ""
    hint: str | None = None


class ForgetTries(Struct, frozen=True):
    """An action: drop the notes of tries that the state has counted."""

    tries: tuple[Try, ...]


class FailedStep(Struct, frozen=True):
    """A step that failed and has not worked since. `count`: how often in a row the same way; `tries`: in any way.

    `asked`: what a person had asked of its owner by then; after another request it counts afresh.
    """

    step: Step
    signature: str
    message: str
    first: datetime
    last: datetime
    count: int = 1
    tries: int = 1
    hint: str | None = None
    asked: str = ""


class Failures(Struct, frozen=True):
    """The failed steps of one owner: a task, or `_swarm` for what is nobody's alone."""

    owner: str
    steps: tuple[FailedStep, ...] = ()


class SetAside(Struct, frozen=True):
    """An action: stop following a session whose work cannot be taken in, as a person asked. Its worktree stays."""

    session: SessionId
    task: TaskId


class Rescue(Struct, frozen=True):
    """An action: end whatever is left of a session that nothing is known of, save its worktree, and forget it."""

    session: SessionId
    task: TaskId | None = None
