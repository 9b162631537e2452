"""What resolving one conflicted file was asked with, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

Merger = Callable[[str, "bytes | None", bytes, bytes], "bytes | None"]
"""Another program's merge of (path, base, ours, theirs); None where it found no answer."""

Remembered = Callable[[str], "bytes | None"]
"""What stands in place of a conflict of this name (memory.key_of) since it was resolved once; None: never seen."""


class Rules(Struct, frozen=True):
    """What the project declares. `union`: gitwildmatch patterns of files to which every side only adds lines.

    `generated`: patterns of files that a command makes; they are never merged here. `mergers`: further resolvers by
    name, such as a syntax-aware merge program. `remembered`: resolutions that have landed.
    """

    union: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    mergers: tuple[tuple[str, Merger], ...] = ()
    remembered: Remembered | None = None


class Hunk(Struct, frozen=True):
    """One place where both sides changed the same lines. `line` counts from 1 in ours; `rule` None: no rule fits."""

    line: int
    base: int
    ours: int
    theirs: int
    rule: str | None


class SurvivalCheck(Struct, frozen=True):
    """Words that a side added and the result lost, and words that a side deleted and the result still has."""

    lost: tuple[str, ...] = ()
    revived: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.lost and not self.revived


class Answer(Struct, frozen=True):
    """`content` None: not resolved; `hint` is then what one resolver alone would say, None where none can.

    `resolvers` names those that arrived at the same result; `agreed` says that they are at least two.
    """

    content: bytes | None = None
    hint: bytes | None = None
    resolvers: tuple[str, ...] = ()
    agreed: bool = False
    hunks: tuple[Hunk, ...] = ()
    check: SurvivalCheck = SurvivalCheck()
