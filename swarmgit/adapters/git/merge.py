"""Merging two commits in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import GitFailed
from swarmgit.model.ids import CommitId, TreeId


@dataclass(frozen=True, slots=True)
class Stage:
    """One side of a conflicted path, as in an index: 1 base, 2 ours, 3 theirs."""

    mode: str
    oid: str


@dataclass(frozen=True, slots=True)
class Merged:
    """`tree` None: the paths in `conflicts` have to be resolved first.

    `stages`: the sides that git has for each of them. `marked`: git's tree in which they hold conflict markers.
    """

    tree: TreeId | None
    conflicts: tuple[str, ...] = ()
    stages: Mapping[str, Mapping[int, Stage]] = field(default_factory=dict)
    marked: TreeId | None = None


def merge_trees(objects: GitObjects, onto: CommitId, head: CommitId) -> Merged:
    """Return the tree of `head` merged into `onto`, by git's own merge."""
    info = objects.commit(head)
    if info.parents[:1] == (onto,):
        return Merged(info.tree)  # made on exactly this commit: there is nothing to merge
    done = objects.git.call("merge-tree", "--write-tree", "-z", "--no-messages", onto, head)
    words = done.stderr.decode("utf-8", "replace")
    if done.returncode > 1 and "unrelated histories" in words:
        both = objects.walk(objects.tree_of(onto)).keys() & objects.walk(info.tree).keys()
        return Merged(None, tuple(sorted(both)) or ("(no common history)",))
    if done.returncode not in {0, 1}:
        raise GitFailed(("merge-tree", onto, head), done.returncode, words)
    tree, *lines = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    if done.returncode == 0:
        return Merged(TreeId(tree.strip()))
    stages = _stages(lines)
    return Merged(None, tuple(sorted(stages)) or ("(git names no path)",), stages, TreeId(tree.strip()))


def _stages(lines: list[str]) -> dict[str, dict[int, Stage]]:
    """Return the stages by path from lines 'mode oid stage<tab>path'."""
    found: dict[str, dict[int, Stage]] = {}
    for line in lines:
        facts, tab, path = line.partition("\t")
        if tab:
            mode, oid, stage = facts.split(" ")
            found.setdefault(path, {})[int(stage)] = Stage(mode, oid)
    return found
