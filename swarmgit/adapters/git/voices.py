"""Who answers in conflict tier 2 beside the built-in rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what resolves is only loaded where something conflicts
    from swarmgit.resolve.answer import Merger


@dataclass(frozen=True, slots=True)
class Voices:
    """`remembered`: resolutions that have landed, by the name of their conflict. `mergers`: installed programs."""

    remembered: Callable[[str], bytes | None] | None = None
    mergers: tuple[tuple[str, Merger], ...] = ()
