"""The person's repository: what it holds, and how its target moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from swarmgit.model.checkouts import Behind, IndexLock
from swarmgit.model.desired import Desired
from swarmgit.model.git import CommitInfo, TreeEntry
from swarmgit.model.ids import CommitId
from swarmgit.model.landings import InTheWay, Landed, Moved, Told
from swarmgit.model.runtimes import Command
from swarmgit.model.work import Push


class Repository(Struct, frozen=True):
    """Where one repository is. `top` is None in a bare one; `store` is where worktrees go, outside the repository.

    `former`: the branch that was the target when this was last asked.
    """

    common_dir: Path
    top: Path | None
    live: Path
    store: Path
    target: str | None
    state_branch: str
    former: str | None = None


class Objects(Protocol):
    """Reads the person's repository. Never runs anything that its configuration names."""

    def ref(self, name: str) -> CommitId | None:
        """Return the commit a full ref name points at."""

    def named(self, name: str) -> str | None:
        """Return what a full ref name says, also where that commit is not here; '' for nothing, None for no ref."""

    def refs(self, prefix: str) -> dict[str, CommitId]:
        """Return every ref whose full name starts with `prefix`."""

    def resolve(self, spec: str) -> str | None:
        """Return the object id of a revision expression such as 'HEAD' or 'main:.swarm'; None where there is none."""

    def blob(self, oid: str) -> bytes:
        """Return a blob's content."""

    def tree(self, oid: str) -> tuple[TreeEntry, ...]:
        """Return the entries of one tree, not its subtrees'; kept in memory by id."""

    def walk(self, oid: str, prefix: str = "") -> dict[str, TreeEntry]:
        """Return every blob below a tree by its path, '/'-separated, below `prefix`."""

    def commit(self, oid: str) -> CommitInfo:
        """Return a commit's fields."""

    def is_ancestor(self, old: CommitId, new: CommitId) -> bool:
        """Return whether `new` contains `old`."""

    def shallow(self) -> frozenset[CommitId]:
        """Return the commits whose parents a shallow clone left out; nothing is known of what came before them."""


class Person(Protocol):
    """The person's own git: edits of the intent, settings, remotes."""

    def drafts(self, desired: Desired) -> tuple[str, ...]:
        """Return the intent files whose working copy differs from the commit."""

    def settings(self) -> Mapping[str, str]:
        """Return a fingerprint of what the person's git obeys: a hash for each path."""

    def push_command(self, push: Push) -> Command:
        """Return what pushes to a remote: the only way out to one."""


class History(Protocol):
    """What commits of a branch say about landings."""

    def told(self, head: CommitId, seen: CommitId | None) -> Told:
        """Return what the commits say that `head` contains and `seen` does not, the newest first."""

    def twin(self, commit: CommitId, head: CommitId) -> CommitId | None:
        """Return the newest commit on the line of `head` with the same change as `commit`, None where there is none."""

    def versions(self, head: CommitId, folders: Sequence[str]) -> Sequence[tuple[CommitId, str, str]]:
        """Return (commit, path, blob) for each file below `folders` that a commit wrote, the newest commit first."""


class CheckoutReader(Protocol):
    """What is seen of the checkouts of the target."""

    def traces(self, target: str, checkout: str, paths: Sequence[str]) -> str:
        """Return a text that changes when what is in the way at these paths of a checkout does."""

    def locks(self, target: str) -> tuple[IndexLock, ...]:
        """Return the locks of the indexes of the target's checkouts."""

    def behind(self) -> tuple[Behind, ...]:
        """Return the checkouts of the target that could not be brought along yet."""


class Landing(CheckoutReader, Protocol):
    """How the target moves."""

    def publish(self, ref: str, commit: CommitId, target_head: CommitId, works: Sequence[CommitId] = ()) -> None:
        """Bring a candidate's objects into the person's repository and pin it under `refs/swarm/candidate/…`.

        `works`: what it merges, which may lie there already; it is made sure that it is whole.
        """

    def land(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        """Move branch `target` from `old` to `new` and let its checkouts follow; all or nothing, safe to repeat."""

    def follow(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        """Move branch `target` forward to a descendant that is not ours, as a person's fast-forward would."""

    def heal(self, target: str) -> None:
        """Finish or undo what a killed landing left: half-followed checkouts and locks that are provably ours."""

    def hurry(self) -> None:
        """Let everything that is behind be due at once."""

    def catch_up(self, now: datetime) -> None:
        """Bring along what is behind and due; what cannot be is due again later. Raises nothing of it."""
