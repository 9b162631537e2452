"""Secrets where none may be: in a change, or in something that was about to be written down. Never the value itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """What looks like a secret in a line (counted from 1) that a change adds. `kind`: such as 'GitHub token'."""

    path: str
    line: int
    kind: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret was taken out of what was about to be written. `place`: a file of state, or what else it was."""

    place: str
    kind: str


@dataclass(frozen=True, slots=True)
class ForgetLeaks:
    """An action: drop the notes of secrets that were taken out. The incident that tells of them is recorded."""

    leaks: tuple[Leak, ...]
