"""Merging two commits in memory."""

from __future__ import annotations

from dataclasses import dataclass

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import GitFailed
from swarmgit.model.ids import CommitId, TreeId


@dataclass(frozen=True, slots=True)
class Merged:
    """`tree` None: the paths in `conflicts` have to be resolved first."""

    tree: TreeId | None
    conflicts: tuple[str, ...] = ()


def merge_trees(objects: GitObjects, onto: CommitId, head: CommitId) -> Merged:
    """Return the tree of `head` merged into `onto`, by git's own merge."""
    info = objects.commit(head)
    if info.parents[:1] == (onto,):
        return Merged(info.tree)  # made on exactly this commit: there is nothing to merge
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    done = objects.git.call("merge-tree", *options, onto, head)
    words = done.stderr.decode("utf-8", "replace")
    if done.returncode > 1 and "unrelated histories" in words:
        both = objects.walk(objects.tree_of(onto)).keys() & objects.walk(info.tree).keys()
        return Merged(None, tuple(sorted(both)) or ("(no common history)",))
    if done.returncode not in {0, 1}:
        raise GitFailed(("merge-tree", onto, head), done.returncode, words)
    tree, *names = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    if done.returncode == 0:
        return Merged(TreeId(tree.strip()))
    conflicts = tuple(sorted({name for name in names if name.strip("\n")}))
    return Merged(None, conflicts or ("(git names no path)",))
