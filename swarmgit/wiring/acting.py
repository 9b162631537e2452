"""The world of a command that acts."""

from __future__ import annotations

from collections.abc import Callable

from swarmgit.adapters.background import Threads
from swarmgit.adapters.git.state import GitStateStore
from swarmgit.adapters.git.statecheckout import StateCheckout
from swarmgit.adapters.lock import ReconcilerLock
from swarmgit.adapters.processes.children import end_own
from swarmgit.adapters.redacted import RedactedState
from swarmgit.documents import paths
from swarmgit.ports.store import StateStore
from swarmgit.ports.worktrees import Worktrees
from swarmgit.wiring.engine import Access
from swarmgit.wiring.part import Part
from swarmgit.wiring.reading import Opened, Reading

CLOSING_S_MAX, ENDED_S_MAX = 0.2, 0.5
"""So long work in the background may still take to end by itself; then the git processes of it are ended."""


class Acting(Reading):
    """ports.World. `lock`: the reconciler's, held already where this process leads."""

    def __init__(
        self, opened: Opened, lock: ReconcilerLock, fault: Callable[[str], None] | None, *, is_leader: bool
    ) -> None:
        super().__init__(opened)
        self.lock = lock
        self.access = Access(keeps=True, is_leader=is_leader, fds=(lock.fd,) if is_leader else ())
        self._fault = fault

    def fault(self, name: str) -> None:
        if self._fault is not None:
            self._fault(name)

    def load(self) -> None:
        """Rename the state branch where that is due, and load what a start needs, which must not take long then."""
        for each in ("repository", "landing", "worktrees", "sandbox"):
            getattr(self, each)

    @Part
    def state(self) -> StateStore:
        return RedactedState(self.store, self.secrets)

    @Part
    def store(self) -> GitStateStore:
        objects, found, branch = self.objects, self._found, self.repository.state_branch
        checkout = StateCheckout(objects, self.engine.git, found.top, found.live, branch) if found.top else None
        is_leader = self.access.is_leader
        return GitStateStore(objects, branch, checkout, is_leader=lambda: is_leader, fault=self.fault)

    @Part
    def worktrees(self) -> Worktrees:
        if self.access.is_leader:
            from swarmgit.adapters.git.excludes import write_excludes

            write_excludes(self._found.live / paths.EXCLUDES, self._found.common_dir, self._opened.environ)
        return super().worktrees

    @Part
    def background(self) -> Threads:
        return Threads(self._ring)

    def _ring(self) -> None:
        """Ring as the end of a session does: a file of that folder is written."""
        bell = self._found.live / paths.BELL
        bell.mkdir(parents=True, exist_ok=True, mode=0o700)
        (bell / paths.BACKGROUND).write_bytes(b"")

    def close(self) -> None:
        """End the git children and give back the lock; whatever is asked afterwards starts them again."""
        if not self.background.wait(CLOSING_S_MAX):
            end_own(ENDED_S_MAX)
        super().close()
        self.lock.release()
