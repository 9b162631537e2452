"""What swarmgit writes down: the state branch, caches, transcripts, and notes until state has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from swarmgit.model.checkouts import Obstacle
from swarmgit.model.failures import Try
from swarmgit.model.git import PutBack
from swarmgit.model.ids import CommitId, EntryId, EvidenceKey, SessionId
from swarmgit.model.incidents import Alert
from swarmgit.model.observed import MergeTry
from swarmgit.model.secrets import Leak, Secret
from swarmgit.model.work import Evidence


class StateBranch(Protocol):
    """Where the state branch is."""

    def head(self) -> CommitId | None:
        """Return the state branch's commit, None where there never was one.

        StateLost: it is gone or cannot be read. StateReplaced: it does not contain what was last written here.
        """


class StateStore(StateBranch, Protocol):
    """The state branch: read by tree, written by building the changed tree objects, compare-and-swap.

    What was last written is kept under a second ref (`refs/swarm/kept/state`) as well.
    """

    def put_back(self) -> PutBack | None:
        """Where the branch is gone or cannot be read, put its last good commit back; None where nothing was wrong."""

    def reset(self, to: Literal["kept", "present", "empty"] | CommitId) -> CommitId | None:
        """Move the branch as a person says and return its commit; what it was before is kept as a ref.

        `kept`: to what was last written here. `present`: nowhere, what is there counts. `empty`: begin anew.
        """

    def write(self, changes: Mapping[str, bytes | None], message: str, at: datetime) -> CommitId | None:
        """Commit `changes` (path → content, None deletes) on the branch's head; None when nothing changed.

        When the branch moved meanwhile the same changes go on the new head, a bounded number of times; then TryLater.
        """

    def sync_checkout(self, *, wait: bool = True) -> None:
        """Bring `.swarm/state/` to the branch's head, making it where it is missing; a bare repository has none."""

    def link_run(self) -> None:
        """Make the link `.swarm/run` to the live folder where it is missing."""


class LiveCache(Protocol):
    """What is cheap to lose: gate answers and merges tried, kept between processes, bounded in number."""

    @property
    def keeps(self) -> bool:
        """Return whether anything is kept; a command that only reads keeps nothing."""

    def evidence(self) -> Mapping[EvidenceKey, Evidence]:
        """Return the newest answer for each key."""

    def keep_evidence(self, evidence: Evidence) -> None:
        """Add one; adding the same run again changes nothing."""

    def merges(self) -> Mapping[tuple[CommitId, CommitId], MergeTry]:
        """Return merges tried, by (onto, head)."""

    def keep_merges(self, tried: Sequence[MergeTry]) -> None:
        """Add some."""

    def blocked(self) -> Mapping[EntryId, Obstacle]:
        """Return the landings that wait, and for what."""

    def read(self, name: str) -> bytes | None:
        """Return a cached document by name, None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Keep a document by name."""

    def keep_blocked(self, entries: Mapping[EntryId, Obstacle]) -> None:
        """Replace what waits."""


class TranscriptReader(Protocol):
    """What sessions were told and have said."""

    def read(self, session: SessionId, name: str) -> bytes:
        """Return a kept file, b'' where there is none."""

    def sessions(self) -> tuple[SessionId, ...]:
        """Return the sessions that have one."""

    def older_than(self, limit: datetime) -> tuple[SessionId, ...]:
        """Return those that ended before `limit`."""


class Transcripts(TranscriptReader, Protocol):
    """Transcripts are kept in the person's repository, under refs of swarmgit's own."""

    def keep(self, session: SessionId, files: Mapping[str, bytes], message: str, at: datetime) -> str:
        """Keep files as one commit and return its ref; again with the same values: nothing."""

    def drop(self, sessions: Sequence[SessionId]) -> None:
        """Drop the refs of these."""


class LeakReader(Protocol):
    """What was kept out of what is written down."""

    def noticed(self) -> tuple[Leak, ...]:
        """Return what was taken out and not reported yet."""


class Secrets(LeakReader, Protocol):
    """Keeps secrets out of what is written down: the values that sessions were given, and what has the form of one."""

    def redact(self, content: bytes, place: str) -> bytes:
        """Return a text without its secrets; what there was is noted under `place`."""

    def added(
        self,
        tree: Path,
        paths: Sequence[str],
        before: Callable[[str], bytes],
        allow: Sequence[str],
        links: Mapping[str, str],
    ) -> tuple[Secret, ...]:
        """Return the secrets in these files of a worktree that `before` (path → old content) does not hold.

        Names of files and what `links` (path → target) lead to are searched as well.
        `allow`: regular expressions; what one finds in 'PATH:SECRET' is let through, but never a value that was given.
        """

    def forget(self, leaks: Sequence[Leak]) -> None:
        """Drop the notes of what was reported."""


class NoticeReader(Protocol):
    """What went wrong where nobody plans, and no incident tells of yet."""

    def all(self) -> tuple[Alert, ...]:
        """Return what no incident tells of yet."""


class Notices(NoticeReader, Protocol):
    """Alerts are kept until an incident tells of them."""

    def add(self, note: Alert) -> None:
        """Keep a report; adding the same again changes nothing."""

    def drop(self, notes: Sequence[Alert]) -> None:
        """Drop what has an incident."""


class FailureReader(Protocol):
    """What came of steps that fail, as far as the state has not counted it."""

    def all(self) -> tuple[Try, ...]:
        """Return what was noted and not dropped yet."""


class Failures(FailureReader, Protocol):
    """What came of steps that fail, kept on this machine until the state has counted it; and their tracebacks."""

    def note(self, tried: Try) -> None:
        """Keep what came of a try; in memory alone where it cannot be written."""

    def drop(self, tries: Sequence[Try]) -> None:
        """Drop what was counted."""

    def keep_trace(self, signature: str, text: str) -> str:
        """Keep a traceback, once for each signature, and return where it is; '' where it cannot be kept."""


class Lock(Protocol):
    """The one reconciler. Held by an open file, which children that move refs inherit."""

    def acquire(self) -> None:
        """Take it, or raise PersonMustAct that says who holds it."""

    def release(self) -> None:
        """Give it back."""
