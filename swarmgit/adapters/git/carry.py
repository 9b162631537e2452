"""Put an earlier attempt's work into a fresh worktree, as uncommitted changes."""

# Names need not be UTF-8, so paths are bytes here, which pathlib does not take.
# ruff: noqa: PTH106, PTH108, PTH112, PTH114, PTH118

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from swarmgit.adapters.git.filling import places
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.slots import Slot
from swarmgit.adapters.git.treediff import RawChange, tree_changes

ABSENT = "000000"


def carry(engine: Git, slot: Slot, base: str, commit: str, paths: Sequence[str]) -> tuple[str, ...]:
    """Write what `commit` did to `paths` over a tree of `base`; where both changed, return those and write nothing.

    A path where `base` already has what `commit` made of it is done. Files are written by the engine from its own
    objects, so modes and links come out as they were captured.
    """
    wanted = {os.fsencode(path) for path in paths}
    made = {change.path: change for change in tree_changes(engine, f"{commit}^", commit) if change.path in wanted}
    moved = {change.path: change for change in tree_changes(engine, f"{commit}^", base)}
    todo = {path: change for path, change in made.items() if not _is_same(change, moved.get(path))}
    clashes = {path for path in todo if path in moved} | set(_crossing(todo, moved)) | set(_blocked(slot.tree, todo))
    if not clashes:
        _apply(engine, slot, todo.values())
    return tuple(sorted(os.fsdecode(path) for path in clashes))


def _is_same(change: RawChange, other: RawChange | None) -> bool:
    return other is not None and (change.new_mode, change.new_blob) == (other.new_mode, other.new_blob)


def _crossing(todo: dict[bytes, RawChange], moved: dict[bytes, RawChange]) -> Iterable[bytes]:
    """Yield the paths that `base` needs as a folder, or whose folder it made a file."""
    present = {path for path, change in moved.items() if change.new_mode != ABSENT}
    folders = {above for path in present for above in _above(path)}
    for path, change in todo.items():
        if change.new_mode != ABSENT and (path in folders or not present.isdisjoint(_above(path))):
            yield path


def _above(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:size]) for size in range(1, len(parts))]


def _blocked(tree: Path, todo: dict[bytes, RawChange]) -> Iterable[bytes]:
    """Yield the paths to write below something that is no folder and does not go away."""
    root = os.fsencode(tree)
    for path, change in todo.items():
        for above in _above(path) if change.new_mode != ABSENT else ():
            full = os.path.join(root, above)
            is_in_the_way = os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full))
            if is_in_the_way and not (above in todo and todo[above].new_mode == ABSENT):
                yield path
                break


def _apply(engine: Git, slot: Slot, changes: Iterable[RawChange]) -> None:
    kept = [change for change in changes if change.new_mode not in {ABSENT, "160000"}]
    root = os.fsencode(slot.tree)
    for change in changes:
        if change.new_mode == ABSENT and not _beyond_link(root, change.path):
            _remove(root, change.path)
    if not kept:
        return
    lines = b"".join(b"%s %s\t%s\0" % (c.new_mode.encode(), c.new_blob.encode(), c.path) for c in kept)
    with tempfile.TemporaryDirectory(dir=slot.folder, prefix="work-") as made:
        env = places(slot, Path(made, "index"))
        engine.out("update-index", "-z", "--index-info", stdin=lines, env=env)
        engine.out("checkout-index", "-a", "-f", "-q", env=env)


def _beyond_link(root: bytes, path: bytes) -> bool:
    return any(os.path.islink(os.path.join(root, above)) for above in _above(path))


def _remove(root: bytes, path: bytes) -> None:
    """Remove a file and the folders it leaves empty."""
    full = os.path.join(root, path)
    if os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full)):
        os.unlink(full)
    for above in reversed(_above(path)):
        try:
            os.rmdir(os.path.join(root, above))
        except OSError:
            return
