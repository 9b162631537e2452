"""Copies of what open work stands on, in the engine itself: what it only borrows, somebody else may collect.

Git does not write an object that an alternate has, so the engine owns less than it thinks. A commit of which it owns
all but the history has a ref below `refs/swarm/owned/`; where that is, nothing is looked at again. These refs are
written as files: the engine's own, by one process, cheap to lose.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from itertools import chain

from msgspec import Struct

from swarmgit.adapters.git.loose import LooseWriter, loose_path, new_object, write_file
from swarmgit.adapters.git.objects import GitObjects, MissingObject
from swarmgit.adapters.git.transfer import needed_tree
from swarmgit.documents.paths import OWNED
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId
from swarmgit.ports.sessions import Background

LOOSE_MAX = 200
"""So many objects are copied one by one; more go into a pack, beside the tick."""

TRIES_MAX, AGAIN_S = 3, 300.0
"""A copy that fails so often is left for so long."""


class _Failures(Struct):
    """`last`: when the last one was, by the clock of `time.monotonic`."""

    count: int
    last: float


class Keeper:
    """Copies commits with their trees, not their history, into the engine that `objects` reads."""

    def __init__(
        self, objects: GitObjects, background: Background, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._objects = objects
        self._background = background
        self._store = objects.git.git_dir / "objects"
        self._pins = objects.git.git_dir / OWNED
        self._writer = LooseWriter(self._store, durable=False)
        self._seconds = seconds
        self._failures: dict[CommitId, _Failures] = {}
        self._large: set[CommitId] = set()

    def keep(self, commits: AbstractSet[CommitId]) -> None:
        """See to it that the engine has copies of these commits and of no others; where there are none, leave all.

        So the next one only takes what differs. What cannot be read is tried a few times, then left to who needs it for
        some minutes. Waiting for another copy is no try.
        """
        owned = self.owned()
        large = [commit for commit in sorted(commits - owned) if self._may_try(commit) and not self._copy_few(commit)]
        self._large &= commits
        if commits & self.owned():
            self.disown(owned - commits)
        if large:
            self._background.run("copies of commits", tuple(large), lambda: self._copy_many(large))

    def owned(self) -> frozenset[CommitId]:
        """Return the commits of which the engine has copies."""
        try:
            return frozenset(CommitId(path.name) for path in self._pins.iterdir() if not path.name.startswith("."))
        except OSError:
            return frozenset()

    def disown(self, commits: AbstractSet[CommitId]) -> None:
        """Forget that the engine has copies of these: something of them cannot be read, or nobody needs them."""
        for commit in commits:
            with suppress(OSError):
                (self._pins / commit).unlink(missing_ok=True)

    def _may_try(self, commit: CommitId) -> bool:
        failures = self._failures.get(commit)
        if failures is not None and self._seconds() - failures.last >= AGAIN_S:
            del self._failures[commit]
            failures = None
        return failures is None or failures.count < TRIES_MAX

    @contextmanager
    def _counting(self, commit: CommitId) -> Iterator[None]:
        """Count what fails inside of this, and go on."""
        try:
            yield
        except (SwarmError, OSError):
            before = self._failures.get(commit)
            self._failures[commit] = _Failures(before.count + 1 if before else 1, self._seconds())

    def _copy_few(self, commit: CommitId) -> bool:
        """Copy a commit's objects one by one and pin it; return False where they are too many for that."""
        if commit in self._large:
            return False
        count = 0
        with self._counting(commit):
            for oid in self._borrowed(commit):
                count += 1
                if count > LOOSE_MAX:
                    self._large.add(commit)
                    return False
                self._copy(oid)
            self._pin(commit)
        return True

    def _copy(self, oid: str) -> None:
        found = self._objects.stored(oid)
        if found is None:
            raise MissingObject(oid)
        copy = new_object(*found, self._objects.algorithm)
        if copy.oid != oid:
            raise MissingObject(oid)
        self._writer.write([copy])

    def _copy_many(self, commits: list[CommitId]) -> None:
        for commit in commits:
            with self._counting(commit):
                listed = "".join(f"{oid}\n" for oid in self._borrowed(commit)).encode("ascii")
                options = ("-q", "--delta-base-offset", "--threads=1")
                self._objects.git.out("pack-objects", *options, str(self._store / "pack" / "pack"), stdin=listed)
                self._pin(commit)

    def _pin(self, commit: CommitId) -> None:
        self._pins.mkdir(parents=True, exist_ok=True)
        write_file(self._pins / commit, f"{commit}\n".encode())
        self._failures.pop(commit, None)

    def _borrowed(self, commit: CommitId) -> Iterator[str]:
        """Yield the objects of a commit and its tree that the engine may not have itself, leaves first."""
        info = self._objects.commit(commit)
        owned = self.owned()
        near = [parent for parent in info.parents if parent in owned] or sorted(owned)[:1]
        bases = [self._objects.commit(each).tree for each in near]
        for oid in chain(needed_tree(self._objects, info.tree, bases), (commit,)):
            if not loose_path(self._store, oid).exists():
                yield oid
