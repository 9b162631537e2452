"""The file of an owner's failed steps: text ↔ value."""

from __future__ import annotations

from swarmgit.documents import state
from swarmgit.model.failures import Failures


def dump(value: Failures) -> bytes:
    return state.dump(value)


def load(path: str, data: bytes) -> Failures:
    return state.load(path, data, Failures)
