"""Which paths differ between two trees, from trees that are read already."""

from __future__ import annotations

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.model.git import TreeEntry

Change = tuple[TreeEntry | None, TreeEntry | None]
"""What was at a path and what is: a file, a link or a submodule; None where nothing of the kind is."""


def changed_files(objects: GitObjects, old: str, new: str) -> dict[str, Change]:
    """Return the paths of files that differ between two trees, by id; only differing subtrees are read."""
    found: dict[str, Change] = {}
    ahead = [(old, new, "")]
    while ahead:
        before, after, below = ahead.pop()
        ones, others = _entries(objects, before), _entries(objects, after)
        for name in ones.keys() | others.keys():
            one, other = ones.get(name), others.get(name)
            if one == other:
                continue
            old_tree, new_tree = _tree_id(one), _tree_id(other)
            if old_tree or new_tree:
                ahead.append((old_tree, new_tree, f"{below}{name}/"))
            change = (None if old_tree else one, None if new_tree else other)
            if any(change):
                found[below + name] = change
    return found


def _entries(objects: GitObjects, tree: str) -> dict[str, TreeEntry]:
    return {entry.name: entry for entry in objects.tree(tree)} if tree else {}


def _tree_id(entry: TreeEntry | None) -> str:
    return entry.oid if entry and entry.kind == "tree" else ""
