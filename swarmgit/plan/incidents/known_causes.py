"""Causes that are known: carried by what swarmgit itself found, else by the words of programs and of the system."""

from __future__ import annotations

import re

from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Attempt

ENDS = frozenset({"error", "failed", "lost"})
TAIL_CHARS = 2000
DISK_FULL = "cause/disk-full"
WORDS = {
    DISK_FULL: re.compile(r"no space left on device|\bENOSPC\b|disk quota exceeded", re.IGNORECASE),
    "cause/port": re.compile(r"address already in use|\bEADDRINUSE\b", re.IGNORECASE),
}
"""Kind of incident → by which words of others it is known."""


def of_attempt(attempt: Attempt, session: ProgramSession | None) -> str | None:
    """Return the kind of incident whose cause ended an attempt; None where none is known."""
    if session is None:
        return of("", attempt.reason)
    tails = (session.stderr_tail[-TAIL_CHARS:], session.stream.text_tail[-TAIL_CHARS:])
    return of(session.cause, attempt.reason, *tails)


def of(carried: str, *texts: str) -> str | None:
    """Return the kind of incident of a known cause. `carried`: the one that swarmgit itself found, '' for none.

    `texts`: what other programs said. A full disk comes first: it is behind whatever else did not work.
    """
    named = next((kind for kind, words in WORDS.items() if any(words.search(text) for text in texts)), None)
    return named if named == DISK_FULL else carried or named
