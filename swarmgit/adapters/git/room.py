"""Room on a full disk of worktrees: what git ignores in a session's tree goes first, and never anything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.git import beside
from swarmgit.adapters.git.filling import ignored
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.slots import Slot

FREE_BYTES_MIN = 1 << 20
"""What swarmgit itself writes there while it takes work in is far less."""


def make_room(engine: Git, slot: Slot, free_bytes: Callable[[Slot], int] | None = None) -> None:
    """Delete what git ignores in the tree of a session that has ended, where its disk is full.

    What the session's own git tracks is its work, and what the worktree was given stays, ignored or not.
    """
    free = free_bytes or (lambda each: shutil.disk_usage(each.folder).free)
    if free(slot) >= FREE_BYTES_MIN or not slot.tree.is_dir() or slot.tree.is_symlink():
        return
    kept = {*slot.kept, *(path.decode("utf-8", "surrogateescape") for path in beside.tracked(engine, slot))}
    for path in ignored(engine, slot):
        holds_kept = any(each == path or each.startswith(f"{path}/") or path.startswith(f"{each}/") for each in kept)
        if not holds_kept and not _is_beyond_link(slot, path):
            delete(slot.tree / path)


def _is_beyond_link(slot: Slot, path: str) -> bool:
    at = slot.tree
    for part in path.split("/")[:-1]:
        at /= part
        if at.is_symlink():
            return True
    return False
