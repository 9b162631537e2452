"""What came of an action."""

from __future__ import annotations

from dataclasses import dataclass

from swarmgit.model.actions import Action, Save
from swarmgit.model.ids import EntryId


@dataclass(frozen=True, slots=True)
class Done:
    action: Action


@dataclass(frozen=True, slots=True)
class Failed:
    """A passing or personal failure, as a sentence; a bug stays an exception."""

    action: Action
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A landing waits: these paths of a checkout of the target hold edits that are in its way."""

    entry: EntryId | None
    checkout: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToSave:
    save: Save


Outcome = Done | Failed | Blocked | ToSave
