"""Who answers in conflict tier 2 beside the built-in rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:  # what resolves is only loaded where something conflicts
    from swarmgit.resolve.answer import Merger


class Voices(Struct, frozen=True):
    """`remembered`: resolutions that have landed, by the name of their conflict. `mergers`: installed programs."""

    remembered: Callable[[str], bytes | None] | None = None
    mergers: tuple[tuple[str, Merger], ...] = ()
