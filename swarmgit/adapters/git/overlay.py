"""Changing a few paths of a tree: only the trees along those paths are read, built and written."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from swarmgit.adapters.git.loose import NewObject, in_git_order, new_object, new_tree
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.model.git import TreeEntry


class Folder(Struct):
    """The changes below one folder: files by name (None deletes) and subfolders by name."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)


class Overlay(Struct):
    """A tree with changes on top. `new`: the objects to write, leaves first, before anything names `tree`."""

    objects: GitObjects
    new: list[NewObject] = field(default_factory=list)

    def apply(self, tree: str | None, changes: Mapping[str, bytes | None]) -> str:
        """Return the id of `tree` (None: empty) with `changes`; equal to `tree` when they change nothing."""
        result = self._folder(tree, _by_folder(changes))
        if result is not None:
            return result
        return self._add(new_tree((), self.objects.algorithm))

    def _folder(self, tree: str | None, changes: Folder) -> str | None:
        before = {entry.name: entry for entry in self.objects.tree(tree)} if tree else {}
        after = dict(before)
        for name, content in changes.files.items():
            if content is not None:
                blob = new_object("blob", content, self.objects.algorithm)
                after[name] = TreeEntry("100644", "blob", blob.oid, name)
                if after[name] != before.get(name):
                    self.new.append(blob)
            elif (there := before.get(name)) and there.kind != "tree":
                del after[name]
        for name, below in changes.folders.items():
            there = before.get(name)
            oid = self._folder(there.oid if there and there.kind == "tree" else None, below)
            if oid is not None:
                after[name] = TreeEntry("040000", "tree", oid, name)
            elif there and there.kind == "tree" and after[name] == there:
                del after[name]
        if after == before:
            return tree
        if not after:
            return None
        entries = in_git_order(after.values())
        built = new_tree(entries, self.objects.algorithm)
        self.objects.remember_tree(built.oid, entries)
        return self._add(built)

    def _add(self, item: NewObject) -> str:
        self.new.append(item)
        return item.oid


def _by_folder(changes: Mapping[str, bytes | None]) -> Folder:
    root = Folder()
    for path, content in changes.items():
        *parents, name = path.split("/")
        if any(part in {"", ".", ".."} or part.lower() == ".git" or "\0" in part for part in (*parents, name)):
            raise ValueError(f"not a path of a tree: {path!r}")
        folder = root
        for part in parents:
            folder = folder.folders.setdefault(part, Folder())
        folder.files[name] = content
    return root
