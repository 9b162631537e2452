"""Secrets where none may be: in a change, or in something that was about to be written down. Never the value itself."""

from __future__ import annotations

from msgspec import Struct


class Secret(Struct, frozen=True):
    """What looks like a secret in a line (counted from 1) that a change adds. `kind`: such as 'GitHub token'."""

    path: str
    line: int
    kind: str


class Leak(Struct, frozen=True):
    """A secret was taken out of what was about to be written. `place`: a file of state, or what else it was."""

    place: str
    kind: str


class ForgetLeaks(Struct, frozen=True):
    """An action: drop the notes of secrets that were taken out. The incident that tells of them is recorded."""

    leaks: tuple[Leak, ...]
