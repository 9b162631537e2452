"""The merge of two trees that changed different things: the same tree as git's own merge, without a process.

git's merge does more than compare three trees: it finds renames. A rename only matters where one side changed what the
other side moved, put something where the other side did, or added to a folder that the other side moved away as a
whole. All these are places that both sides changed, and wherever both did, git is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from swarmgit.adapters.git.loose import NewObject, in_git_order, new_tree
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.model.git import TreeEntry

ENTRIES_MAX = 200_000
Names = Mapping[str, TreeEntry]


class _AskGit(Exception):
    """The trees alone do not say what the merge is."""


class PlainMerge(Struct):
    """`new`: the trees to write, leaves first, before anything names the result."""

    objects: GitObjects
    new: list[NewObject] = field(default_factory=list)
    seen: int = 0

    def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """Return the id of the merged tree; None where git has to be asked."""
        try:
            return self._merge(base, ours, theirs)
        except _AskGit:
            self.new.clear()
            return None

    def _merge(self, base: str, ours: str, theirs: str) -> str:
        if theirs == base:
            return ours
        if ours == base:
            return theirs
        was, our, their = self._names(base), self._names(ours), self._names(theirs)
        merged = dict(our)
        for name in was.keys() | their.keys():
            before, mine, other = was.get(name), our.get(name), their.get(name)
            if other == before:
                continue
            if mine == before:
                _put(merged, name, other)
            else:
                merged[name] = TreeEntry("040000", "tree", self._merge(*_trees(before, mine, other)), name)
        return self._write(merged)

    def _names(self, tree: str) -> Names:
        entries = self.objects.tree(tree)
        self.seen += len(entries)
        if self.seen > ENTRIES_MAX:
            raise _AskGit
        return {entry.name: entry for entry in entries}

    def _write(self, merged: Names) -> str:
        if not merged:
            raise _AskGit
        entries = in_git_order(merged.values())
        built = new_tree(entries, self.objects.algorithm)
        self.objects.remember_tree(built.oid, entries)
        self.new.append(built)
        return built.oid


def _trees(*entries: TreeEntry | None) -> list[str]:
    """Return the ids of three folders; anything else that both sides changed is git's to merge."""
    found = [entry.oid for entry in entries if entry is not None and entry.kind == "tree"]
    if len(found) != len(entries):
        raise _AskGit
    return found


def _put(merged: dict[str, TreeEntry], name: str, entry: TreeEntry | None) -> None:
    if entry is None:
        merged.pop(name, None)
    else:
        merged[name] = entry
