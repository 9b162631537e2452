"""Bringing commits from the engine into the person's repository, without any git that reads its configuration.

Both lie on one file system, so a new loose object is given a second name there (a hard link): no bytes are copied.
What the engine does not hold loose goes through a pack.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.loose import is_whole, loose_path, write_out
from swarmgit.adapters.git.objects import GitObjects, MissingObject
from swarmgit.adapters.git.run import Git, GitFailed
from swarmgit.model.ids import CommitId

LINKS_MAX = 500


class Transfer(Struct, frozen=True):
    """From `engine` (its reader) to the objects folder of `person` (theirs)."""

    engine: GitObjects
    person: GitObjects
    durable: bool = True

    def bring(self, commit: CommitId, known: tuple[CommitId, ...] = (), works: Sequence[CommitId] = ()) -> None:
        """Make `commit` and all it needs be in the person's repository, which has `known` and all they need.

        Leaves come before what names them, so that after a kill nothing there names what is missing. `works`: commits
        that were brought before; what is new in them is looked at again, because their files may have been damaged.
        """
        links = self._links(commit, known, frozenset(works))
        if links is None:
            self._bring_pack(commit, known)
            return
        for oid in links:
            self._link(oid)

    def _links(self, commit: CommitId, known: tuple[CommitId, ...], works: frozenset[CommitId]) -> list[str] | None:
        """Return the loose objects to link; None where a pack is needed, or better because they are many."""
        links: dict[str, None] = {}
        for oid in self._needed(commit, frozenset(known), works):
            goal = loose_path(self._to, oid)
            is_damaged = goal.exists() and not is_whole(goal, oid)
            if loose_path(self._from, oid).exists():
                links[oid] = None
            elif is_damaged or self.person.kind(oid) is None:
                return None
            if len(links) > LINKS_MAX:
                return None
        return list(links)

    @property
    def _from(self) -> Path:
        return self.engine.git.git_dir / "objects"

    @property
    def _to(self) -> Path:
        return self.person.git.git_dir / "objects"

    def _needed(self, commit: CommitId, known: frozenset[CommitId], works: frozenset[CommitId]) -> Iterator[str]:
        """Yield the objects that `commit` adds to what is there, and those that `works` did, leaves first."""
        for oid in self._new_commits(commit, known, works):
            info = self.engine.commit(oid)
            bases = [self.engine.commit(parent).tree for parent in info.parents]
            yield from needed_tree(self.engine, info.tree, bases)
            yield oid

    def _new_commits(self, commit: CommitId, known: frozenset[CommitId], works: frozenset[CommitId]) -> list[CommitId]:
        """Return the commits that the person's repository lacks, and `works`, parents before children."""
        found: dict[CommitId, None] = {}
        seen = set(known)
        ahead = [(commit, False)]
        while ahead:
            oid, parents_done = ahead.pop()
            if parents_done:
                found[oid] = None
            elif oid not in seen and (oid == commit or oid in works or not self._is_there(oid)):
                seen.add(oid)
                ahead.append((oid, True))
                ahead.extend((parent, False) for parent in self.engine.commit(oid).parents)
        return list(found)

    def _is_there(self, oid: CommitId) -> bool:
        """Return whether the person's repository has a commit. Of one that only we have loose, git is not asked."""
        if loose_path(self._to, oid).exists():
            return True
        return not loose_path(self._from, oid).exists() and self.person.kind(oid) == "commit"

    def _link(self, oid: str) -> None:
        source, goal = loose_path(self._from, oid), loose_path(self._to, oid)
        if goal.exists() and is_whole(goal, oid):
            os.utime(goal)
            return
        if not is_whole(source, oid):
            raise MissingObject(oid)
        if self.durable:
            _write_out(source)
        goal.parent.mkdir(exist_ok=True)
        try:
            os.link(source, goal)
        except OSError:  # a damaged one is there, or another file system after all
            handle, name = tempfile.mkstemp(prefix="tmp_obj_", dir=goal.parent)
            os.close(handle)
            shutil.copyfile(source, name)
            Path(name).chmod(0o444)
            if self.durable:
                _write_out(Path(name))
            Path(name).replace(goal)

    def _bring_pack(self, commit: CommitId, known: tuple[CommitId, ...]) -> None:
        wanted = "\n".join([commit, *(f"^{oid}" for oid in known)]) + "\n"
        git: Git = self.engine.git
        pack = git.start("pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset")
        assert pack.stdin is not None
        assert pack.stdout is not None
        pack.stdin.write(wanted.encode())
        pack.stdin.close()
        taken = subprocess.run(
            ["git", "-c", "core.fsync=pack,pack-metadata", "index-pack", "--stdin"],
            stdin=pack.stdout,
            capture_output=True,
            env=git.environment({"GIT_OBJECT_DIRECTORY": str(self._to)}),
            cwd=git.git_dir,
            check=False,
        )
        pack.stdout.close()
        if pack.wait() != 0 or taken.returncode != 0:
            raise GitFailed(("index-pack",), taken.returncode, taken.stderr.decode("utf-8", "replace"))


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


def _write_out(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        write_out([handle])
    finally:
        os.close(handle)
