"""What is taken in of a session's worktree, and what is left out of it."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.desired import Scope
from swarmgit.model.ids import CommitId


class Intake(Struct, frozen=True):
    """What is taken in of a worktree: files of at most `file_bytes`, and none that is new, not committed by the agent,
    and outside of `scope` (None: all of them). What `protected` patterns or the names in `obeyed` protect is never
    just left out."""

    scope: Scope | None = None
    protected: tuple[str, ...] = ()
    obeyed: tuple[str, ...] = ()
    file_bytes: int = 50 << 20


class LeftOut(Struct, frozen=True):
    """What an agent made besides what was taken in of it: `commit` holds all of it, under `ref`.

    `items`: each in words; nothing of it needs to be told where there are none.
    """

    commit: CommitId
    items: tuple[str, ...] = ()
    ref: str = ""
