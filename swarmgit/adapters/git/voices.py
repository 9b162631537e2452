"""Who answers in conflict tier 2 beside the built-in rules."""

from __future__ import annotations

from msgspec import Struct


class Voices(Struct, frozen=True):
    """`memory`: the folder of resolutions that have landed. `merger`: the path of an installed merge program."""

    memory: str | None = None
    merger: str | None = None
