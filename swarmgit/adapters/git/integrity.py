"""Whether what open work stands on can be had: the commits, and where that is in doubt all that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from swarmgit.adapters.git.keeping import Keeper
from swarmgit.adapters.git.loose import is_whole, loose_path
from swarmgit.adapters.git.objects import GitObjects, parse_commit, parse_tree
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Lack
from swarmgit.ports import Background

AGAIN_AFTER = timedelta(seconds=30)
"""How long a commit that was there counts as there, unless something fails that is done with it."""


class GitIntegrity:
    """ports.Integrity. `engine` sees what the person's repository has, too; `mend` brings that view back.

    `is_leader`: whether this process holds the reconciler's lock; only then anything is changed in the engine.
    """

    def __init__(
        self, engine: GitObjects, mend: Callable[[], None], background: Background, *, is_leader: bool
    ) -> None:
        self._engine = engine
        self._keeper = Keeper(engine, background)
        self._mend = mend if is_leader else lambda: None
        self._is_leader = is_leader
        self._whole: set[CommitId] = set()
        self._lacks: dict[CommitId, Lack] = {}
        self._doubted: set[CommitId] = set()
        self._asked: datetime | None = None

    def doubt(self, commits: Iterable[CommitId]) -> None:
        self._doubted.update(commits)
        self._whole.difference_update(self._doubted)

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
        self._whole |= unknown - self._lacks.keys()
        return {commit: lack for commit, lack in self._lacks.items() if commit in wanted}

    def _look_closer(self, suspects: AbstractSet[CommitId], target: CommitId | None) -> None:
        """Judge suspects by a fresh git. Where not even the target can be read, nothing is known of the others."""
        self._mend()
        self._engine.close()
        if self._is_leader:
            self._keeper.disown(suspects)
        if target is not None and not self._is_there(target):
            return
        for commit in sorted(suspects):
            self._lacks.pop(commit, None)
            if not self._is_there(commit):
                self._drop_broken(commit)
                self._lacks[commit] = Lack("absent", f"commit {commit[:12]} is not in this repository")
            elif what := self._broken(commit, target):
                self._lacks[commit] = Lack("broken", f"commit {commit[:12]} is broken in this repository: {what}")
            else:
                self._whole.add(commit)
        self._doubted.difference_update(suspects)

    def _is_there(self, commit: CommitId) -> bool:
        try:
            return self._engine.kind(commit) == "commit"
        except SwarmError:  # git ends on an object that it cannot unpack
            return False

    def _broken(self, commit: CommitId, target: CommitId | None) -> str:
        """Return what of a commit cannot be read, '' where all of its tree can, and its way to the target."""
        unread = self._unread(commit)
        for oid in unread:
            self._drop_broken(oid)
        unread = [oid for oid in unread if self._stored(oid) is None]  # the person's repository may have a good one
        if unread:
            return f"object {unread[0][:12]} cannot be read"
        if target is not None and self._engine.git.call("merge-base", commit, target).returncode not in {0, 1}:
            return "commits that it descends from are missing"
        return ""

    def _unread(self, commit: CommitId) -> list[str]:
        """Return the objects of a commit and its tree that git cannot read, the first that is missed first."""
        unread: list[str] = []
        seen: set[str] = set()
        ahead = [str(commit)]
        while ahead:
            oid = ahead.pop()
            seen.add(oid)
            found = self._stored(oid)
            if found is None:
                unread.append(oid)
            elif found[0] == "commit":
                ahead.append(parse_commit(commit, found[1]).tree)
            elif found[0] == "tree":
                entries = parse_tree(found[1], len(oid) // 2)
                ahead += [each.oid for each in entries if each.kind != "commit" and each.oid not in seen]
        return unread

    def _stored(self, oid: str) -> tuple[str, bytes] | None:
        try:
            return self._engine.stored(oid)
        except SwarmError:  # git ends on an object that it cannot unpack
            return None

    def _drop_broken(self, oid: str) -> None:
        """Remove a loose object of the engine that is not what its name says: git would never write it again."""
        path = loose_path(self._engine.git.git_dir / "objects", oid)
        if self._is_leader and path.exists() and not is_whole(path, oid):
            path.unlink(missing_ok=True)
