"""Errors say who must act: a person, time, or nobody. Everything else is a bug."""

from __future__ import annotations

from typing import ClassVar


class SwarmError(Exception):
    """An expected failure: one sentence that names the thing and the place, and the command that repairs it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None, cause: str = "") -> None:
        """`cause`: the kind of incident that it is, where its cause is known (`plan/incidents/catalogue.py`)."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.cause = cause


class PersonMustAct(SwarmError):
    """A person must change something first; trying again changes nothing."""


class StateLost(PersonMustAct):
    """The state branch is gone, or its commit cannot be read: whoever leads puts the last good one back."""


class StateReplaced(PersonMustAct):
    """The state branch does not contain what was last written here: a person says which of the two counts."""


class StateTaken(PersonMustAct):
    """The branch that the state should be kept on is a person's: it is neither read nor written."""


class StateNewer(PersonMustAct):
    """A newer swarmgit wrote the state: this one neither believes the rest of it nor writes beside it."""


class TryLater(SwarmError):
    """A passing condition (a lock, a busy index, a moved ref); the same call may work in a moment."""


class WrongUsage(SwarmError):
    """The command line is wrong."""

    exit_code: ClassVar[int] = 2
