"""Merging two commits in memory."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from msgspec import Struct, field

from swarmgit.adapters.git.loose import NewObject
from swarmgit.adapters.git.objects import GitObjects, Remembered
from swarmgit.adapters.git.pathdiff import changed_files
from swarmgit.adapters.git.plainmerge import PlainMerge
from swarmgit.adapters.git.run import GitFailed, OutOfTime
from swarmgit.model.ids import CommitId, TreeId


class Stage(Struct, frozen=True):
    """One side of a conflicted path, as in an index: 1 base, 2 ours, 3 theirs."""

    mode: str
    oid: str


class Merged(Struct, frozen=True):
    """`tree` None: the paths in `conflicts` have to be resolved first. `new`: objects that are not written yet.

    `stages`: the sides that git has for each of them. `marked`: git's tree in which they hold conflict markers.
    """

    tree: TreeId | None
    conflicts: tuple[str, ...] = ()
    new: tuple[NewObject, ...] = ()
    stages: Mapping[str, Mapping[int, Stage]] = field(default_factory=dict)
    marked: TreeId | None = None


class Bases:
    """Finds the one merge base of an agent's work and the target without asking git, where a look proves it.

    It is the parent of `head`, when `head` has that one parent, which is on the first-parent line of `onto`, and
    `onto` does not contain `head`: what was merged into the line since then began on the line itself, and is not
    `head`. The line since a base is kept, because the next merge is mostly one commit further on.
    """

    def __init__(self, objects: GitObjects) -> None:
        self._objects = objects
        self._lines: Remembered[_Line] = Remembered(LINES_MAX)

    def only(self, onto: CommitId, head: CommitId) -> CommitId | None:
        parents = self._objects.commit(head).parents
        if len(parents) != 1:
            return None
        line = self._line(parents[0], onto)
        return parents[0] if line is not None and line.is_plain and head not in line.seen else None

    def _line(self, base: CommitId, onto: CommitId) -> _Line | None:
        line = self._lines.get(base)
        if line is not None and line.tip == onto:
            return line
        if line is None or self._objects.commit(onto).parents[:1] != (line.tip,):
            line = _Line(base, base, {base}, {base})
        steps = self._steps(line.tip, onto)
        if steps is None:
            return None
        for commit in steps:
            self._extend(line, commit)
        return self._lines.put(base, line)

    def _steps(self, start: CommitId, end: CommitId) -> list[CommitId] | None:
        """Return the commits after `start` up to `end` along the first parents; None where it is not on that line."""
        line = self._objects.line(end, 2 if self._objects.commit(end).parents[:1] == (start,) else LINE_MAX)
        return list(line[: line.index(start)][::-1]) if start in line else None

    def _extend(self, line: _Line, commit: CommitId) -> None:
        for other in self._objects.commit(commit).parents[1:]:
            began = self._objects.commit(other).parents
            line.is_plain = line.is_plain and all(self._began_on(parent, line) for parent in began)
            line.seen.add(other)
        line.known.add(commit)
        line.seen.add(commit)
        line.tip = commit

    def _began_on(self, commit: CommitId, line: _Line) -> bool:
        """Return whether a commit is on the line, or before its beginning, where nothing that came later can be."""
        return commit in line.known or self._objects.is_ancestor(commit, line.base)


class _Line(Struct):
    """The first-parent line from a base on. `seen`: its commits and what they merged. `is_plain`: all of that began
    on the line."""

    base: CommitId
    tip: CommitId
    known: set[CommitId]
    seen: set[CommitId]
    is_plain: bool = True


LINE_MAX = 4096
"""How far back along the target's first parents the commit that an agent started from is looked for."""

LINES_MAX = 64


def merge_trees(objects: GitObjects, onto: CommitId, head: CommitId, bases: Bases | None = None) -> Merged:
    """Return the tree of `head` merged into `onto`, as git's own merge makes it."""
    info = objects.commit(head)
    if info.parents[:1] == (onto,):
        return Merged(info.tree)  # made on exactly this commit: there is nothing to merge
    base = (bases or Bases(objects)).only(onto, head)
    if base is not None:
        plain = PlainMerge(objects)
        tree = plain.merge(objects.commit(base).tree, objects.commit(onto).tree, info.tree)
        if tree is not None:
            return Merged(TreeId(tree), new=tuple(plain.new))
    return _by_git(objects, onto, head)


def merge_base(objects: GitObjects, onto: CommitId, head: CommitId) -> CommitId | None:
    """Return a best common ancestor, None where the histories are unrelated."""
    known = Bases(objects).only(onto, head)
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


MERGE = ("merge-tree", "--write-tree", "-z", "--no-messages")
WITHOUT_RENAMES = ("-c", "merge.renames=false")
MERGE_CPU_S_MAX, MERGE_WALL_S_MAX = 30, 180.0


def _by_git(objects: GitObjects, onto: CommitId, head: CommitId) -> Merged:
    """Return git's own merge. Where finding renames takes too long it is made without; past that it is a conflict."""
    git = objects.git.bounded(MERGE_CPU_S_MAX, MERGE_WALL_S_MAX)
    for options in ((), WITHOUT_RENAMES):
        try:
            return _read(objects, git.call(*options, *MERGE, onto, head), onto, head)
        except OutOfTime:
            continue
    return Merged(None, touched_by_both(objects, onto, head) or ("(git could not merge them in time)",))


def _read(objects: GitObjects, done: subprocess.CompletedProcess[bytes], onto: CommitId, head: CommitId) -> Merged:
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
