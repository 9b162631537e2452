"""Merging two commits in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmgit.adapters.git.loose import NewObject
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.pathdiff import changed_files
from swarmgit.adapters.git.plainmerge import PlainMerge
from swarmgit.adapters.git.run import GitFailed
from swarmgit.model.ids import CommitId, TreeId


@dataclass(frozen=True, slots=True)
class Stage:
    """One side of a conflicted path, as in an index: 1 base, 2 ours, 3 theirs."""

    mode: str
    oid: str


@dataclass(frozen=True, slots=True)
class Merged:
    """`tree` None: the paths in `conflicts` have to be resolved first. `new`: objects that are not written yet.

    `stages`: the sides that git has for each of them. `marked`: git's tree in which they hold conflict markers.
    """

    tree: TreeId | None
    conflicts: tuple[str, ...] = ()
    new: tuple[NewObject, ...] = ()
    stages: Mapping[str, Mapping[int, Stage]] = field(default_factory=dict)
    marked: TreeId | None = None


LINE_MAX = 256
"""How far back along the target's first parents the commit that an agent started from is looked for."""


def merge_trees(objects: GitObjects, onto: CommitId, head: CommitId) -> Merged:
    """Return the tree of `head` merged into `onto`, as git's own merge makes it."""
    info = objects.commit(head)
    if info.parents[:1] == (onto,):
        return Merged(info.tree)  # made on exactly this commit: there is nothing to merge
    base = only_base(objects, onto, head)
    if base is not None:
        plain = PlainMerge(objects)
        tree = plain.merge(objects.commit(base).tree, objects.commit(onto).tree, info.tree)
        if tree is not None:
            return Merged(TreeId(tree), new=tuple(plain.new))
    return _by_git(objects, onto, head)


def only_base(objects: GitObjects, onto: CommitId, head: CommitId) -> CommitId | None:
    """Return the one merge base, where a look along the first parents proves it: the parent of `head`.

    It is when `head` has that one parent, which `onto` contains, and `onto` does not contain `head`: what was merged
    into the line since then began on the line itself, and is not `head`.
    """
    parents = objects.commit(head).parents
    if len(parents) != 1:
        return None
    line = objects.line(onto, LINE_MAX)
    if parents[0] not in line or head in line:
        return None
    line = line[: line.index(parents[0])]
    known = {*line, parents[0]}
    merged = [other for commit in line for other in objects.commit(commit).parents[1:]]
    for other in merged:
        began = objects.commit(other).parents
        if other == head or not all(_began_on(objects, parent, known, parents[0]) for parent in began):
            return None
    return parents[0]


def _began_on(objects: GitObjects, commit: CommitId, known: set[CommitId], base: CommitId) -> bool:
    """Return whether a commit is on the line, or before its beginning, where nothing that came later can be."""
    return commit in known or objects.is_ancestor(commit, base)


def merge_base(objects: GitObjects, onto: CommitId, head: CommitId) -> CommitId | None:
    """Return a best common ancestor, None where the histories are unrelated."""
    known = only_base(objects, onto, head)
    if known is not None:
        return known
    done = objects.git.call("merge-base", onto, head)
    return CommitId(done.stdout.decode("ascii").strip()) if done.returncode == 0 else None


def touched_by_both(objects: GitObjects, onto: CommitId, head: CommitId) -> tuple[str, ...]:
    """Return the paths that both sides of a merge changed, sorted."""
    base = merge_base(objects, onto, head)
    if base is None:
        return ()
    was = objects.tree_of(base)
    ours, theirs = (changed_files(objects, was, objects.tree_of(side)) for side in (onto, head))
    return tuple(sorted(ours.keys() & theirs.keys()))


def _by_git(objects: GitObjects, onto: CommitId, head: CommitId) -> Merged:
    done = objects.git.call("merge-tree", "--write-tree", "-z", "--no-messages", onto, head)
    words = done.stderr.decode("utf-8", "replace")
    if done.returncode > 1 and "unrelated histories" in words:
        both = objects.walk(objects.tree_of(onto)).keys() & objects.walk(objects.tree_of(head)).keys()
        return Merged(None, tuple(sorted(both)) or ("(no common history)",))
    if done.returncode not in {0, 1}:
        raise GitFailed(("merge-tree", onto, head), done.returncode, words)
    tree, *lines = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    if done.returncode == 0:
        return Merged(TreeId(tree.strip()))
    stages = _stages(lines)
    paths = tuple(sorted(stages)) or ("(git names no path)",)
    return Merged(None, paths, stages=stages, marked=TreeId(tree.strip()))


def _stages(lines: list[str]) -> dict[str, dict[int, Stage]]:
    """Return the stages by path from lines 'mode oid stage<tab>path'."""
    found: dict[str, dict[int, Stage]] = {}
    for line in lines:
        facts, tab, path = line.partition("\t")
        if tab:
            mode, oid, stage = facts.split(" ")
            found.setdefault(path, {})[int(stage)] = Stage(mode, oid)
    return found
