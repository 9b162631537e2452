"""A refusal of paths in words: how many there are, and the first of them by names that can be seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from swarmgit.documents import quoting
from swarmgit.model.status import Rejection

PATHS_MAX = 50


def is_unseen(letter: str) -> bool:
    """Return whether a character is shown as nothing, or as something else than it is."""
    return quoting.is_ignorable(letter) or unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(path: str) -> str:
    """Return a name with everything that cannot be seen written out."""
    return quoting.spelled(path)


def some_of(paths: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(visible(path) for path in paths[:3]) + more


def refusal(kind: str, paths: Sequence[str], summary: str, next_step: str, output: str = "") -> Rejection:
    """Return a rejection of these paths; `{count}` in the summary becomes their number."""
    count = things(len(paths), "file")
    more = f"; the first {PATHS_MAX} are listed" if len(paths) > PATHS_MAX else ""
    shown = tuple(visible(path) for path in paths[:PATHS_MAX])
    return Rejection(
        kind=kind,  # type: ignore[arg-type]  # every caller passes one of the literals
        summary=summary.replace("{count}", count, 1) + more,
        next_step=next_step,
        paths=shown,
        output=output,
    )


def things(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
