"""Processes that outlive the reconciler, and how it hears of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from swarmgit.model.endings import Stop
from swarmgit.model.health import DiskUse
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job, StartSpec
from swarmgit.model.sessions import SessionSpec

T = TypeVar("T")


class SessionReader(Protocol):
    """What processes of sessions are there, and the files in their folders."""

    def poll(self, ids: Sequence[SessionId] | None = None) -> dict[SessionId, Job]:
        """Return the state of the named sessions, or of every one that is not forgotten."""

    def read(self, session: SessionId, name: str, offset: int = 0, size_max: int = 1 << 20) -> bytes:
        """Return at most `size_max` bytes of a session's file from `offset`; b'' where there is none. Never blocks."""

    def size(self, session: SessionId, name: str) -> int | None:
        """Return how many bytes a session's file has; None where there is no regular one."""

    def damaged(self) -> tuple[SessionId, ...]:
        """Return what the last look at all sessions found without a record that can be read: they are unknown."""

    def measure(self, session: SessionId) -> tuple[int, float]:
        """Return the bytes of memory and the processor seconds of all of a session's processes."""

    def disk(self, session: SessionId, folder: Path | None) -> DiskUse:
        """Return what a session's folder and `folder` take on the disk; a large tree is counted over several calls."""

    def folder(self, session: SessionId) -> Path:
        """Return the session's folder."""


class Executor(SessionReader, Protocol):
    """Starts processes that survive the reconciler and can be adopted by the next one."""

    def start(self, spec: StartSpec) -> None:
        """Start once per session id, however often it is called; raise TryLater or PersonMustAct where it cannot."""

    def refuse(self, spec: SessionSpec, error: str) -> None:
        """Leave a session folder that says why it could not start, so that it is observed like any other end."""

    def withdraw(self, session: SessionId) -> None:
        """Forget a session whose start came to nothing; nothing where it has a process."""

    def cancel(self, session: SessionId, stop: Stop, grace_s: float) -> None:
        """Ask to end: TERM, then KILL of the whole tree once the grace has passed; call again until it is over."""

    def end(self, session: SessionId) -> None:
        """Kill every process of a session, whatever is known of it; TryLater when one stays."""

    def reap(self, session: SessionId) -> None:
        """Make sure that no process of an ended session is left."""

    def write(self, session: SessionId, name: str, content: bytes) -> None:
        """Write a file into a session's folder by rename."""

    def write_all(self, session: SessionId, below: str, contents: Mapping[str, bytes]) -> None:
        """Write files into one of a session's folders by rename, in their order; links are not followed."""

    def discard(
        self, session: SessionId, below: str, names: Sequence[str], times: Sequence[int] = ()
    ) -> dict[str, str]:
        """Delete files of one of a session's folders and return those that resist, with the reason.

        What is not there counts as deleted, and so does a folder; links are not followed. Of each name that has one of
        `times`, in nanoseconds, only the file that was last changed then is deleted.
        """

    def move(self, session: SessionId, old: str, new: str) -> None:
        """Rename a file within a session's folder; nothing where there is none."""

    def forget(self, session: SessionId) -> None:
        """Stop reporting a session; its folder stays for reading until it is collected."""

    def gc(self, older_than: datetime) -> int:
        """Delete folders of forgotten sessions that ended before `older_than`; return how many."""


class Background(Protocol):
    """Work on what agents wrote, beside the tick: however long it takes, everything else goes on."""

    def run(self, name: str, what: object, work: Callable[[], T]) -> T | None:
        """Return what `work` came to, or raise what it raised; None while it, or other work of that name, goes on.

        Ask again later with the same `what`. One thing at a time for each name.
        """

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return when all that was started has ended, or after `timeout_s`; True where all has ended."""

    def abandon(self) -> None:
        """End at once the git processes of everything that goes on: it fails as if they had been killed."""
