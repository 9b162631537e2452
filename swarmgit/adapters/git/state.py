"""The state branch: read by tree, written by building the changed trees, moved by compare-and-swap."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from swarmgit.adapters.git.loose import CommitText, NewObject, new_commit
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.overlay import Overlay
from swarmgit.adapters.git.packs import JOIN_MIN, Packs
from swarmgit.adapters.git.refs import RefRefused, drop_stale_lock
from swarmgit.adapters.git.statecheckout import StateCheckout
from swarmgit.adapters.git.statekept import KeptState
from swarmgit.documents.paths import branch_ref
from swarmgit.errors import TryLater
from swarmgit.model.git import PutBack
from swarmgit.model.ids import CommitId, TreeId

TRIES_MAX = 20


class GitStateStore:
    """ports.StateStore. Without a checkout (a bare repository) `sync_checkout` and `link_run` do nothing.

    `is_leader`: whether this process holds the reconciler's lock; only then are stale locks of the state ref removed.
    `fault` is called between the steps with their names, for the crash tests.
    """

    def __init__(
        self,
        objects: GitObjects,
        branch: str,
        checkout: StateCheckout | None = None,
        *,
        is_leader: Callable[[], bool] = lambda: False,
        durable: bool = True,
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._objects = objects
        self._branch = branch
        self._ref = branch_ref(branch)
        self._checkout = checkout
        self._is_leader = is_leader
        self._fault = fault
        self._common_dir: Path = objects.git.git_dir
        self._packs = Packs(self._common_dir / "objects", durable=durable)
        self._written = 0
        self._kept = KeptState(objects, branch, fault)

    def head(self) -> CommitId | None:
        """Return the local branch's commit, else that of a remote's branch (a fresh clone has only that)."""
        return self._kept.local() or self._remote_head()

    def put_back(self) -> PutBack | None:
        return self._kept.put_back()

    def reset(self, to: Literal["kept", "present", "empty"] | CommitId) -> CommitId | None:
        return self._kept.reset(to)

    def write(self, changes: Mapping[str, bytes | None], message: str, at: datetime) -> CommitId | None:
        for attempt in range(TRIES_MAX):
            refused: RefRefused | None = None
            local = self._kept.local()
            parent = local or self._remote_head()
            new = self._commit(parent, changes, message, at)
            if not new:
                return None
            commit = CommitId(new[-1].oid)
            with self._packs.holding(new):
                self._objects.learn(new)
                self._fault("state: objects written")
                try:
                    self._kept.move(commit, local)
                except RefRefused as reason:
                    refused = reason
            if refused is None:
                self._join()
                return commit
            self._wait(local, attempt)
        raise TryLater(
            f"branch {self._branch} could not be written in {TRIES_MAX} tries: {refused}",
            f"git log -3 {self._branch}",
        ) from refused

    def sync_checkout(self, *, wait: bool = True) -> None:
        head = self._objects.ref(self._ref)
        if self._checkout is not None and head is not None:
            self._checkout.sync(head, wait=wait)

    def link_run(self) -> None:
        """Make the link `.swarm/run` where it is missing."""
        if self._checkout is not None:
            self._checkout.link_run()

    def close(self) -> None:
        """End the git processes."""
        self._kept.close()
        if self._checkout is not None:
            self._checkout.close()

    def _commit(
        self, parent: CommitId | None, changes: Mapping[str, bytes | None], message: str, at: datetime
    ) -> list[NewObject]:
        """Return the objects of a new commit, itself last; none where nothing changes."""
        tree = self._objects.commit(parent).tree if parent else None
        overlay = Overlay(self._objects)
        changed = overlay.apply(tree, changes)
        if changed == tree or (tree is None and not any(content is not None for content in changes.values())):
            return []
        text = CommitText(TreeId(changed), (parent,) if parent else (), message, at)
        return [*overlay.new, new_commit(text, self._objects.algorithm)]

    def _join(self) -> None:
        """Join the packs of many commits to one, now and then, and only for who leads."""
        self._written += 1
        if self._written % JOIN_MIN == 0 and self._is_leader():
            with suppress(OSError):
                self._packs.join()

    def _remote_head(self) -> CommitId | None:
        suffix = f"/{self._branch}"
        found = {name: oid for name, oid in self._objects.refs("refs/remotes/").items() if name.endswith(suffix)}
        if not found:
            return None
        preferred = f"refs/remotes/origin{suffix}"
        return found.get(preferred) or found[min(found)]

    def _wait(self, seen: CommitId | None, attempt: int) -> None:
        """Give way to whoever moved or locked the ref; take away a lock that a killed writer left."""
        if self._objects.ref(self._ref) != seen:
            return
        if self._is_leader() and drop_stale_lock(self._common_dir / f"{self._ref}.lock"):
            return
        time.sleep(min(0.005 * 2**attempt, 0.2))
