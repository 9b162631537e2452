"""Conflicts on their way through a session: how they are laid out for it, and what it makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from swarmgit.model.ids import CommitId


class LaidOut(Struct, frozen=True):
    """A conflict for somebody to resolve: `commit` has both sides as parents, and markers where nothing is settled.

    `ours` and `theirs`: what each side did to these paths since both began, as diffs, cut off where they are long.
    `hints`: what one voice alone would make of a path.
    """

    commit: CommitId
    ours: str = ""
    theirs: str = ""
    hints: Mapping[str, bytes] = field(default_factory=dict)


class Proposal(Struct, frozen=True):
    """A merge of two sides in which somebody resolved the conflicts.

    `markers`: files in which some are left. `undecided`: conflicts that markers cannot show, left as they lay.
    """

    commit: CommitId
    markers: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
