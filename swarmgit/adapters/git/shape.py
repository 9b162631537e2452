"""How deep and how large a tree is once it is laid out: few objects of git's can stand for more files than a disk has.

A folder that names one folder ten times, thirty levels deep, takes thirty objects and 10^30 files. Whoever follows
such a tree never ends, a person's own git included, so it is measured first, each object once.
"""

from __future__ import annotations

import math

from swarmgit.adapters.git.objects import GitObjects
from swarmgit.errors import SwarmError
from swarmgit.model.git import TreeEntry

DEPTH_MAX = 100
FILES_MORE_MAX = 200_000
"""So much deeper than a hundred folders, and so many files more, than the tree that work began with, nothing is."""

BYTES_MAX, BYTES_EACH = 128 << 20, 1 << 10
"""Folders that are read for one session: so much in all, where each counts as that much more."""


class Shapes:
    """Measures trees against the one that work began with. What cannot be read is of no sound shape."""

    def __init__(self, objects: GitObjects, base: str) -> None:
        self._objects = objects
        self._known: dict[str, tuple[int, int]] = {}
        self._left: float = math.inf
        self._base = self._measure(base) or (0, 0)
        self._left = BYTES_MAX

    def is_sound(self, tree: str) -> bool:
        """Return whether a tree, laid out, is of a size that somebody could have worked with."""
        depth, files = self._measure(tree) or (DEPTH_MAX + 1, 0)
        return depth <= max(DEPTH_MAX, self._base[0]) and files <= self._base[1] + FILES_MORE_MAX

    def _measure(self, tree: str) -> tuple[int, int] | None:
        """Return how many folders deep a tree is, and how many files it has; None where that cannot be told."""
        todo: list[tuple[str, tuple[TreeEntry, ...] | None]] = [(tree, None)]
        while todo:
            oid, entries = todo.pop()
            if oid in self._known:
                continue
            if entries is not None:
                self._known[oid] = self._of(entries)
                continue
            entries = self._read(oid)
            if entries is None:
                return None
            todo.append((oid, entries))
            todo += [(each.oid, None) for each in entries if each.kind == "tree" and each.oid not in self._known]
        return self._known[tree]

    def _read(self, oid: str) -> tuple[TreeEntry, ...] | None:
        """Return a tree's entries; None where it cannot be read, or would be more than is read."""
        try:
            self._left -= BYTES_EACH + (self._objects.size(oid))
            return self._objects.tree(oid) if self._left >= 0 else None
        except (SwarmError, ValueError):
            return None

    def _of(self, entries: tuple[TreeEntry, ...]) -> tuple[int, int]:
        below = [self._known[each.oid] for each in entries if each.kind == "tree"]
        plain = len(entries) - len(below)
        return 1 + max((depth for depth, _ in below), default=0), plain + sum(files for _, files in below)
