"""The worktrees in which sessions work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from swarmgit.model.desired import WorktreeConfig
from swarmgit.model.git import Identity
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.intake import Intake
from swarmgit.model.work import Capture

ALL = Intake()


class Lease(Struct, frozen=True):
    """A worktree that belongs to one session until it is given back. `tree`: where its files are.

    `keep_setup`: the command that keeps what set-up made out of the session's reach; the file that lists it comes last.
    """

    session: SessionId
    tree: Path
    needs_setup: bool = False
    keep_setup: tuple[str, ...] = ()


class WorktreeReader(Protocol):
    """Whose worktrees there are, and what is in them."""

    def given(self, config: WorktreeConfig) -> str:
        """Return a hash of what gates get besides the commit: the set-up, and the content of included files."""
        ...

    def live_diff(self, session: SessionId) -> str:
        """Return how the leased worktree differs now from the commit it was filled with, as git shows it."""

    def path(self, session: SessionId) -> Path | None:
        """Return where a session's files are, None when it has no lease."""

    def leases(self) -> dict[SessionId, Path]:
        """Return every worktree that belongs to a session."""

    def commits(self) -> frozenset[CommitId]:
        """Return what worktrees are or were filled with."""


class Worktrees(WorktreeReader, Protocol):
    """Worktrees are leased to sessions, filled, captured and given back."""

    def agent_message(self, session: SessionId) -> str | None:
        """Return the message of the agent's own last commit in its worktree; None where it made none."""

    def lease(
        self, session: SessionId, commit: CommitId, config: WorktreeConfig, pool: str, only: Sequence[str] = ()
    ) -> Lease:
        """Return a worktree filled with exactly `commit`; the same one for the same session, recycled if it can be.

        `only`: patterns of the files to check out, the rest counts as unchanged; none: everything.
        """

    def carry(self, session: SessionId, base: CommitId, commit: CommitId, paths: Sequence[str]) -> tuple[str, ...]:
        """Put the difference that `commit` made to its parent, for `paths` only, into the leased worktree.

        Return the paths that could not be put in because they changed in `base` as well; then nothing is put in.
        """

    def capture(
        self, session: SessionId, message: str, author: Identity, at: datetime, intake: Intake = ALL
    ) -> Capture:
        """Snapshot the leased worktree as one commit on the commit it was filled with; equal input, equal commit.

        What else there is, beyond the intake or in the session's own git alone, is in another commit: `left_out`.
        """

    def look(self, session: SessionId) -> Capture:
        """Snapshot a worktree that somebody works in, within a few seconds; raise SwarmError where that is too long."""

    def rescue(self, session: SessionId, message: str, author: Identity, at: datetime) -> Capture:
        """Snapshot the leased worktree as a commit without a parent, where the one it was filled with cannot be had."""

    def before(self, session: SessionId, path: str) -> bytes:
        """Return what a file held in the commit that the worktree was filled with; b'' where it was not there."""

    def live_files(self, session: SessionId, folder: Path) -> None:
        """Lay out the leased worktree's files as they are now in a folder of their own, read-only and without git."""

    def release(self, session: SessionId, *, discard: bool = False) -> None:
        """Give the worktree back for reuse; `discard` when it must not be reused. Without a lease: nothing."""

    def gc(self, keep: int) -> None:
        """Delete what was thrown away, and of each pool the free slots beyond the `keep` last used."""

    def setup_done(self, session: SessionId, outputs: Sequence[str] | None = None) -> None:
        """Remember that the set-up commands have succeeded in the leased worktree, and which paths they made."""
