"""What is left of a commit of which something cannot be read any more: its message, and the files that can."""

from __future__ import annotations

from swarmgit.adapters.git.loose import CommitText, NewObject, in_git_order, new_commit, new_tree
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.errors import SwarmError
from swarmgit.model.git import Identity, TreeEntry
from swarmgit.model.ids import CommitId, TreeId

NOTE = "Saved without its history and without files that cannot be read: objects are missing in this repository."


def remains(objects: GitObjects, commit: CommitId) -> tuple[CommitId, list[NewObject]]:
    """Return a commit without a parent that has all that can be read of `commit`, and the objects to write for it.

    Equal input gives the equal commit. Raise MissingObject where not even the commit itself can be read.
    """
    info = objects.commit(commit)
    new: list[NewObject] = []
    tree = _readable(objects, info.tree, new) or _keep(new, (), objects.algorithm)
    author = Identity(info.author, info.author_email)
    text = CommitText(TreeId(tree), (), f"{info.message.rstrip()}\n\n{NOTE}", info.committed, author)
    new.append(new_commit(text, objects.algorithm))
    return CommitId(new[-1].oid), new


def _readable(objects: GitObjects, tree: str, new: list[NewObject]) -> str | None:
    """Return a tree of what can be read below `tree`, None where it cannot be read itself."""
    try:
        entries = objects.tree(tree)
    except SwarmError:
        return None
    kept: list[TreeEntry] = []
    for entry in entries:
        oid: str | None = entry.oid
        if entry.kind == "tree":
            oid = _readable(objects, entry.oid, new)
        elif entry.kind == "blob" and not _can_be_read(objects, entry.oid):
            oid = None
        if oid is not None:
            kept.append(TreeEntry(entry.mode, entry.kind, oid, entry.name))
    return tree if tuple(kept) == entries else _keep(new, tuple(kept), objects.algorithm)


def _keep(new: list[NewObject], entries: tuple[TreeEntry, ...], algorithm: str) -> str:
    made = new_tree(in_git_order(entries), algorithm)
    new.append(made)
    return made.oid


def _can_be_read(objects: GitObjects, oid: str) -> bool:
    try:
        return objects.stored(oid) is not None
    except SwarmError:  # git ends on an object that it cannot unpack
        return False
