"""A failure of one action as a value: whose it is, in a sentence, with the traceback kept where it is a bug."""

from __future__ import annotations

import re
import traceback

from swarmgit.act import needs
from swarmgit.errors import SwarmError
from swarmgit.model.actions import Action
from swarmgit.model.failures import Step
from swarmgit.model.outcomes import Failed
from swarmgit.model.steps import step_of
from swarmgit.ports.world import World

SURROUNDINGS = "check disk space, open files and permissions: swarmgit doctor"
BUG = "this is a bug in swarmgit: please report it with the traceback"
WORDS_MAX = 1000
_VARYING = re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\b|\b[0-9a-f]{7,64}\b|[0-9]+")
"""What differs from one time to the next in the same words: names of sessions, commits, numbers."""


def failed(action: Action, error: Exception, world: World, step: Step | None = None) -> Failed:
    """Return what an exception is to its step. `step`: whose it is, where the action alone does not tell."""
    of = step or step_of(action)
    world.engine.integrity.doubt(needs.of(action, of.entry), error)
    message, hint, trace = words(of.kind, error, world)
    cause = error.cause if isinstance(error, SwarmError) else ""
    return Failed(action, message, hint, of, trace, cause or signature(message))


def words(kind: str, error: Exception, world: World) -> tuple[str, str | None, str]:
    """Return the sentence, the hint, and where the traceback is, '' where there is none to keep."""
    if isinstance(error, SwarmError):
        return error.message, error.hint, ""
    said = f"{type(error).__name__}: {error}"[:WORDS_MAX]
    trace = world.failures.keep_trace(f"{kind} {signature(said)}", "".join(traceback.format_exception(error)))
    named = f"{kind}: {said}" + (f" (traceback: {trace})" if trace else "")
    return named, SURROUNDINGS if isinstance(error, OSError) else BUG, trace


def signature(message: str) -> str:
    """Return a message without what varies: two failures of the same kind have the same."""
    return _VARYING.sub("#", message)
