"""The history of the state branch: its commits, and what changed between two of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from swarmgit.app.revisions import state_commit
from swarmgit.model.git import TreeEntry
from swarmgit.model.ids import CommitId
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds

COMMITS_MAX = 100_000


class LogLine(Struct, frozen=True):
    """One commit of the state branch. `message` is all of it, `changed` the paths that it changed."""

    commit: CommitId
    at: datetime
    message: str
    changed: tuple[str, ...]


class FileDiff(Struct, frozen=True):
    """`lines`: a unified diff without line ends."""

    path: str
    lines: tuple[str, ...]


def log(world: ReadWorld, count: int, task: str | None = None) -> Iterator[LogLine]:
    """Yield the last `count` commits, newest first; only those that changed something of `task` where one is named."""
    commit = world.state.head()
    found = 0
    for _ in range(COMMITS_MAX):
        if commit is None or found == count:
            return
        info = world.objects.commit(commit)
        parent = info.parents[0] if info.parents else None
        changed = dict(changes(world, parent, commit))
        if task is None or any(_concerns(world, task, path, *pair) for path, pair in changed.items()):
            found += 1
            yield LogLine(commit, info.committed, info.message.strip(), tuple(sorted(changed)))
        commit = parent


def _concerns(world: ReadWorld, task: str, path: str, old: str | None, new: str | None) -> bool:
    if path.rpartition("/")[2].rpartition(".")[0] == task:
        return True
    if kinds.at(path) is not kinds.ENTRIES:
        return False
    return any(f"task: {task}\n".encode() in world.objects.blob(oid) for oid in (old, new) if oid)


def diff(world: ReadWorld, old: str | None = None, new: str | None = None) -> Iterator[FileDiff]:
    """Yield what differs between two revisions of the state branch: by default what its last commit changed."""
    before = state_commit(world, old) if old else None
    after = state_commit(world, new) if new else world.state.head()
    if after is None:
        return
    if before is None:
        before = next(iter(world.objects.commit(after).parents), None)
    for path, (was, is_now) in sorted(changes(world, before, after)):
        yield FileDiff(path, tuple(_unified(world, path, was, is_now)))


def _unified(world: ReadWorld, path: str, old: str | None, new: str | None) -> Iterator[str]:
    return difflib.unified_diff(
        _lines(world, old),
        _lines(world, new),
        f"a/{path}" if old else "/dev/null",
        f"b/{path}" if new else "/dev/null",
        lineterm="",
    )


def _lines(world: ReadWorld, oid: str | None) -> list[str]:
    return world.objects.blob(oid).decode("utf-8", "replace").splitlines() if oid else []


def changes(
    world: ReadWorld, old: CommitId | None, new: CommitId
) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """Yield (path, (old blob, new blob)) for every file that differs; equal subtrees are not read."""
    before = world.objects.commit(old).tree if old else None
    yield from _compare(world, before, world.objects.commit(new).tree, "")


def _compare(
    world: ReadWorld, old: str | None, new: str | None, prefix: str
) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    if old == new:
        return
    before, after = _entries(world, old), _entries(world, new)
    for name in sorted({*before, *after}):
        was, is_now = before.get(name), after.get(name)
        if was and is_now and was.oid == is_now.oid:
            continue
        trees = [each.oid if each and each.kind == "tree" else None for each in (was, is_now)]
        blobs = [each.oid if each and each.kind == "blob" else None for each in (was, is_now)]
        if any(trees):
            yield from _compare(world, trees[0], trees[1], f"{prefix}{name}/")
        if any(blobs):
            yield f"{prefix}{name}", (blobs[0], blobs[1])


def _entries(world: ReadWorld, tree: str | None) -> dict[str, TreeEntry]:
    return {entry.name: entry for entry in world.objects.tree(tree)} if tree else {}
