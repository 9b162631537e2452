"""Conflict tier 2: resolve one conflicted file without a model, or say that it cannot be done (MERGE-QUEUE.md).

Pure: bytes in, an answer out. A result is accepted where every conflicting hunk was decided by a rule that is
precise by measurement, or where two independent resolvers come to the same result; it must be well-formed, hold no
conflict markers, keep what either side added and lose what either side deleted. Everything else is at most a hint.
"""

from __future__ import annotations

from swarmgit.resolve.answer import Answer, Hunk, Merger, Rules, SurvivalCheck
from swarmgit.resolve.file import resolve

__all__ = ["Answer", "Hunk", "Merger", "Rules", "SurvivalCheck", "resolve"]
