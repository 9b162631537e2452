"""What came of an action."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.actions import Action, StateChange
from swarmgit.model.checkouts import IndexLock
from swarmgit.model.failures import Step
from swarmgit.model.ids import EntryId


class Done(Struct, frozen=True):
    action: Action


class Underway(Struct, frozen=True):
    """It goes on in the background; what it comes to is seen by a later look."""

    action: Action


class Failed(Struct, frozen=True):
    """One action failed, whatever the reason: a failure of its step alone. `trace`: where a bug's traceback is.

    `signature`: failures with the same one are of the same kind; that of its incident where its cause is known.
    """

    action: Action
    message: str
    hint: str | None = None
    step: Step | None = None
    trace: str = ""
    signature: str = ""


class Blocked(Struct, frozen=True):
    """A landing waits: these paths of a checkout of the target hold edits that are in its way, or it is locked."""

    entry: EntryId | None
    checkout: str
    paths: tuple[str, ...]
    locks: tuple[IndexLock, ...] = ()


class ToSave(Struct, frozen=True):
    save: StateChange


Outcome = Done | Underway | Failed | Blocked | ToSave
