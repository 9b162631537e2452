"""Files of the state branch that cannot be read: where each is broken, what was expected there, and what to do."""

from __future__ import annotations

import re

from swarmgit.errors import SwarmError
from swarmgit.model.desired import Problem

PLACE = re.compile(r"(\d+):(\d+): (.*)", re.DOTALL)


def problem_of(path: str, error: SwarmError) -> Problem:
    """Return what is wrong with a file, with the line and column that its error names."""
    placed = PLACE.fullmatch(error.message.removeprefix(f"{path}:"))
    line, column, words = (int(placed[1]), int(placed[2]), placed[3]) if placed else (0, 0, error.message)
    return Problem(path, line, column, f"{words}; {error.hint}" if error.hint else words)
