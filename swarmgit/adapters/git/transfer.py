"""Bringing commits from the engine into the person's repository, without any git that reads its configuration.

They come in packs that the person's git does not collect before a ref names them (see `packs`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.loose import NewObject, new_object
from swarmgit.adapters.git.objects import GitObjects, MissingObject
from swarmgit.adapters.git.packs import Packs
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId

OBJECTS_MAX = 500
BYTES_MAX = 8 << 20
"""Up to so many objects and bytes are packed in process; git makes smaller packs of more."""

CPU_S_MAX, WALL_S_MAX = 300, 900.0
"""What git may use for one pack. What one session may hand in takes a third of it."""


class Transfer(Struct, frozen=True):
    """From `engine` (its reader) to the objects folder of `person` (theirs)."""

    engine: GitObjects
    person: GitObjects
    durable: bool = True

    @contextmanager
    def bringing(
        self, commit: CommitId, known: tuple[CommitId, ...] = (), works: Sequence[CommitId] = ()
    ) -> Iterator[None]:
        """Inside of this, `commit` and all it needs is in the person's repository, which has `known`; a ref is moved
        to it here. `works`: commits that were brought before; what is new in them is looked at again, because it may
        have been damaged."""
        packs = Packs(self.person.git.git_dir / "objects", durable=self.durable)
        commits = self._new_commits(commit, frozenset(known), frozenset(works))
        few = self._few(commits)
        if few is not None:
            with packs.holding(few):
                yield
            return
        with tempfile.TemporaryDirectory(dir=self.engine.git.git_dir, prefix="tmp_bring_") as folder:
            pack = self._pack(commits, known, Path(folder))
            with packs.holding_files(pack, pack.with_suffix(".idx"), len(commit)):
                yield

    def _few(self, commits: dict[CommitId, bool]) -> list[NewObject] | None:
        """Return the objects to bring; None where they are many or large."""
        found: dict[str, NewObject] = {}
        size = 0
        for commit, is_known in commits.items():
            for oid in self._needed(commit):
                if oid in found or (is_known and self._is_whole(oid)):
                    continue
                size += self.engine.size(oid)
                if len(found) == OBJECTS_MAX or size > BYTES_MAX:
                    return None
                found[oid] = self._read(oid)
        return list(found.values())

    def _read(self, oid: str) -> NewObject:
        stored = self.engine.stored(oid)
        made = new_object(*stored, self.engine.algorithm) if stored is not None else None
        if made is None or made.oid != oid:
            raise MissingObject(oid)
        return made

    def _is_whole(self, oid: str) -> bool:
        """Return whether the person's repository has an object that is what its name says."""
        try:
            stored = self.person.stored(oid)
        except SwarmError:  # git ends on an object that it cannot unpack
            return False
        return stored is not None and new_object(*stored, self.person.algorithm).oid == oid

    def _needed(self, commit: CommitId) -> Iterator[str]:
        """Yield the objects that a commit adds to its parents, leaves first."""
        info = self.engine.commit(commit)
        bases = [self.engine.commit(parent).tree for parent in info.parents]
        yield from needed_tree(self.engine, info.tree, bases)
        yield commit

    def _new_commits(
        self, commit: CommitId, known: frozenset[CommitId], works: frozenset[CommitId]
    ) -> dict[CommitId, bool]:
        """Return the commits that the person's repository lacks, and `works`, parents before children, each with
        whether it has it already."""
        found: dict[CommitId, bool] = {}
        seen = set(known)
        ahead = [(commit, False, False)]
        while ahead:
            oid, parents_done, is_known = ahead.pop()
            if parents_done:
                found[oid] = is_known
            elif oid not in seen:
                is_there = oid != commit and self._is_there(oid)
                if is_there and oid not in works:
                    continue
                seen.add(oid)
                ahead.append((oid, True, is_there))
                ahead.extend((parent, False, False) for parent in self.engine.commit(oid).parents)
        return found

    def _is_there(self, oid: CommitId) -> bool:
        try:
            return self.person.kind(oid) == "commit"
        except SwarmError:  # git ends on an object that it cannot unpack
            return False

    def _pack(self, commits: dict[CommitId, bool], known: tuple[CommitId, ...], folder: Path) -> Path:
        """Return a pack that git makes of these commits, without what the commits before them have.

        It looks for no differences between them: the person's own collection does that, and it takes minutes.
        """
        before = {parent for commit in commits for parent in self.engine.commit(commit).parents} - commits.keys()
        there = sorted({*known, *(parent for parent in before if self._is_there(parent))})
        wanted = "".join(f"{oid}\n" for oid in (*commits, *(f"^{oid}" for oid in there)))
        options = ("--revs", "-q", "--delta-base-offset", "--window=0", "--threads=1")
        git = self.engine.git.bounded(CPU_S_MAX, WALL_S_MAX)
        name = git.out("pack-objects", *options, str(folder / "pack"), stdin=wanted.encode())
        return folder / f"pack-{name.decode().strip()}.pack"


def needed_tree(objects: GitObjects, tree: str, bases: Sequence[str]) -> Iterator[str]:
    """Yield what `tree` has that none of the trees `bases` has at the same place, and the tree itself last."""
    if tree in bases:
        return
    theirs = [{entry.name: entry for entry in objects.tree(base)} for base in bases]
    for entry in objects.tree(tree):
        there = [names[entry.name] for names in theirs if entry.name in names]
        if entry.kind == "commit" or any(entry.oid == other.oid for other in there):
            continue
        if entry.kind == "tree":
            yield from needed_tree(objects, entry.oid, [other.oid for other in there if other.kind == "tree"])
        else:
            yield entry.oid
    yield tree
