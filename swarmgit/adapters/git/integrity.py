"""Whether what open work stands on can be had: the commits, and where that is in doubt all that they need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from datetime import datetime, timedelta

from msgspec import Struct, field

from swarmgit.adapters.git.catfile import Unreadable
from swarmgit.adapters.git.keeping import Keeper
from swarmgit.adapters.git.loose import is_whole, loose_path
from swarmgit.adapters.git.objects import GitObjects, MissingObject, parse_commit, parse_tree
from swarmgit.adapters.git.refs import RefRefused
from swarmgit.adapters.git.run import GitFailed, OutOfTime
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Lack
from swarmgit.ports.sessions import Background

AGAIN_AFTER = timedelta(seconds=30)
"""How long a commit that was there counts as there, unless something fails that is done with it."""

CPU_S_MAX, WALL_S_MAX = 60, 300.0
"""How long all that commits need is read."""


class GitIntegrity:
    """ports.Integrity. `engine` sees what the person's repository has, too; `mend` brings that view back.

    `is_leader`: whether this process holds the reconciler's lock; only then anything is changed in the engine.
    """

    def __init__(
        self, engine: GitObjects, mend: Callable[[], None], background: Background, *, is_leader: bool
    ) -> None:
        self._engine = engine
        self._background = background
        self._keeper = Keeper(engine, background)
        self._mend = mend if is_leader else lambda: None
        self._is_leader = is_leader
        self._whole: set[CommitId] = set()
        self._lacks: dict[CommitId, Lack] = {}
        self._doubted: set[CommitId] = set()
        self._under_look: frozenset[CommitId] = frozenset()
        self._asked: datetime | None = None

    def doubt(self, commits: Iterable[CommitId], error: BaseException) -> None:
        if _is_about_objects(error):
            self._doubted.update(commits)
            self._whole.difference_update(self._doubted)

    def copied(self) -> frozenset[CommitId]:
        return self._keeper.owned()

    def keep(self, commits: AbstractSet[CommitId]) -> None:
        if self._is_leader:
            self._keeper.keep(commits)

    def missing(self, wanted: AbstractSet[CommitId], target: CommitId | None, now: datetime) -> Mapping[CommitId, Lack]:
        if self._asked is None or not self._asked <= now < self._asked + AGAIN_AFTER:
            self._asked = now
            self._doubted |= {commit for commit, lack in self._lacks.items() if lack.kind == "broken"}
            self._whole.clear()
        self._lacks = {c: lack for c, lack in self._lacks.items() if lack.kind == "broken" or not self._is_there(c)}
        self._doubted &= wanted
        unknown = wanted - self._whole - self._lacks.keys()
        suspects = self._doubted | {commit for commit in unknown if not self._is_there(commit)}
        if suspects:
            self._look_closer(suspects, target)
        self._whole |= unknown - self._lacks.keys() - self._doubted
        return {commit: lack for commit, lack in self._lacks.items() if commit in wanted}

    def _look_closer(self, suspects: AbstractSet[CommitId], target: CommitId | None) -> None:
        """Judge suspects by a fresh git. Where not even the target can be read, nothing is known of the others.

        All that a commit needs is read beside the tick; until that is over, it stays in doubt.
        """
        if not suspects <= self._under_look:
            self._mend()
            self._engine.close()
            if self._is_leader:
                self._keeper.disown(suspects)
        self._under_look = frozenset()
        if target is not None and not self._is_there(target):
            return
        self._doubted |= suspects
        there = tuple(commit for commit in sorted(suspects) if self._is_there(commit))
        for commit in suspects - set(there):
            self._drop_broken(commit)
            self._judge(commit, Lack("absent", f"commit {commit[:12]} is not in this repository"))
        if not there:
            return
        judged = self._background.run("a closer look", (there, target), lambda: self._judged(there, target))
        if judged is None:
            self._under_look = frozenset(there)
            return
        for commit, what in judged.items():
            text = f"commit {commit[:12]} is broken in this repository: {what}"
            self._judge(commit, Lack("broken", text) if what else None)

    def _judge(self, commit: CommitId, lack: Lack | None) -> None:
        self._doubted.discard(commit)
        self._lacks.pop(commit, None)
        if lack is None:
            self._whole.add(commit)
        else:
            self._lacks[commit] = lack

    def _is_there(self, commit: CommitId) -> bool:
        try:
            return self._engine.kind(commit) == "commit"
        except SwarmError:  # git ends on an object that it cannot unpack
            return False

    def _judged(self, commits: Sequence[CommitId], target: CommitId | None) -> dict[CommitId, str]:
        """Return what of each commit cannot be read, '' where all of its tree can, and its way to the target.

        What takes too long is taken for whole.
        """
        git = self._engine.git.bounded(CPU_S_MAX, WALL_S_MAX)
        found = dict.fromkeys(commits, "")
        with suppress(OutOfTime):
            asked = git.call("rev-list", "--verify-objects", "--no-walk", "--quiet", *commits)
            if asked.returncode or asked.stderr:
                with closing(GitObjects(git, self._engine.algorithm)) as objects:
                    reader = _Reader(objects, self._drop_broken, time.monotonic() + WALL_S_MAX)
                    found |= {commit: reader.unread(commit) for commit in commits}
            for commit in commits if target is not None else ():
                if not found[commit] and git.call("merge-base", commit, str(target)).returncode not in {0, 1}:
                    found[commit] = "commits that it descends from are missing"
        return found

    def _drop_broken(self, oid: str) -> None:
        """Remove a loose object of the engine that is not what its name says: git would never write it again."""
        path = loose_path(self._engine.git.git_dir / "objects", oid)
        if self._is_leader and path.exists() and not is_whole(path, oid):
            path.unlink(missing_ok=True)


class _Reader(Struct):
    """Finds out which objects git cannot read, up to an instant of `time.monotonic`; what is whole is read once.

    `drop`: removes a bad copy in the engine; the person's repository may have a good one.
    """

    objects: GitObjects
    drop: Callable[[str], None]
    until: float
    whole: set[str] = field(default_factory=set)

    def unread(self, commit: CommitId) -> str:
        """Return which object of a commit and its tree cannot be read, in words; '' where all can."""
        ahead = [str(commit)]
        seen: set[str] = set()  # a folder counts as whole only once all below it has been read
        while ahead and time.monotonic() < self.until:
            oid = ahead.pop()
            if oid in self.whole or oid in seen:
                continue
            found = self._stored(oid)
            if found is None:
                self.drop(oid)
                found = self._stored(oid)
            if found is None:
                return f"object {oid[:12]} cannot be read"
            seen.add(oid)
            if found[0] == "commit":
                ahead.append(parse_commit(commit, found[1]).tree)
            elif found[0] == "tree":
                ahead += [each.oid for each in parse_tree(found[1], len(oid) // 2) if each.kind != "commit"]
        self.whole |= seen
        return ""

    def _stored(self, oid: str) -> tuple[str, bytes] | None:
        try:
            return self.objects.stored(oid)
        except SwarmError:  # git ends on an object that it cannot unpack
            return None


def _is_about_objects(error: BaseException) -> bool:
    """Return whether a failure, or what it came from, is git's or a missing object's: no limit and no full disk."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, MissingObject | Unreadable | GitFailed | RefRefused) and not isinstance(at, OutOfTime):
            return True
        at = at.__cause__ or at.__context__
    return False
