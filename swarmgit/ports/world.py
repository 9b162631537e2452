"""All ports together: those of a command that only reads, and those of one that acts."""

from __future__ import annotations

from typing import Protocol

from swarmgit.ports.engine import Engine, EngineReader
from swarmgit.ports.machine import Clock, Machine
from swarmgit.ports.repository import CheckoutReader, History, Landing, Objects, Person, Repository
from swarmgit.ports.runtimes import Runtimes
from swarmgit.ports.sandbox import Sandbox
from swarmgit.ports.sessions import Background, Executor, SessionReader
from swarmgit.ports.store import (
    FailureReader,
    Failures,
    LeakReader,
    LiveCache,
    Lock,
    NoticeReader,
    Notices,
    Secrets,
    StateBranch,
    StateStore,
    TranscriptReader,
    Transcripts,
)
from swarmgit.ports.worktrees import WorktreeReader, Worktrees


class ReadWorld(Protocol):
    """What a use case may read. `wiring` makes each port when it is first asked for; tests give what they need.

    What is opened to read only writes nothing anywhere: its cache forgets.
    """

    @property
    def repository(self) -> Repository:
        """Return where everything is."""

    @property
    def clock(self) -> Clock: ...

    @property
    def machine(self) -> Machine: ...

    @property
    def person(self) -> Person: ...

    @property
    def objects(self) -> Objects:
        """Return what reads the person's repository."""

    @property
    def history(self) -> History: ...

    @property
    def state(self) -> StateBranch: ...

    @property
    def engine(self) -> EngineReader: ...

    @property
    def worktrees(self) -> WorktreeReader: ...

    @property
    def landing(self) -> CheckoutReader: ...

    @property
    def executor(self) -> SessionReader: ...

    @property
    def cache(self) -> LiveCache: ...

    @property
    def runtimes(self) -> Runtimes: ...

    @property
    def sandbox(self) -> Sandbox: ...

    @property
    def secrets(self) -> LeakReader: ...

    @property
    def notices(self) -> NoticeReader: ...

    @property
    def failures(self) -> FailureReader: ...

    @property
    def transcripts(self) -> TranscriptReader: ...

    def close(self) -> None:
        """End the git children and give back the lock; whatever is asked afterwards starts them again."""


class World(ReadWorld, Protocol):
    """Everything a use case may touch."""

    @property
    def state(self) -> StateStore: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def worktrees(self) -> Worktrees: ...

    @property
    def landing(self) -> Landing: ...

    @property
    def executor(self) -> Executor: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def notices(self) -> Notices: ...

    @property
    def failures(self) -> Failures: ...

    @property
    def transcripts(self) -> Transcripts: ...

    @property
    def background(self) -> Background: ...

    @property
    def lock(self) -> Lock: ...

    def fault(self, name: str) -> None:
        """Do nothing; called before each effect with its name: the crash tests raise in it."""
