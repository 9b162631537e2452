"""Agent programs: their commands, and how to read what they print."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from swarmgit.model.desired import Price, Runtime
from swarmgit.model.events import Stream
from swarmgit.model.runtimes import Command, Outlook
from swarmgit.model.sessions import ProgramSpec
from swarmgit.model.usage import Usage


class Placement(Struct, frozen=True):
    """Where a session is about to run: what a runtime needs to know to build its command.

    `keys`: the variables that policy gives it besides; their values go to the session alone. `programs`: the only ones
    that its agent may start, None for any.
    """

    spec: ProgramSpec
    worktree: Path
    folder: Path
    ports: tuple[int, ...]
    host_env: Mapping[str, str]
    keys: frozenset[str] = frozenset()
    programs: tuple[str, ...] | None = None


class StreamReader(Protocol):
    """Part of a runtime: turns what a program printed into facts, line by line."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of `stdout.jsonl`; anything that is not understood is text, never an error."""

    def stream(self) -> Stream:
        """Return what has been said so far."""


@runtime_checkable
class KeepingReader(StreamReader, Protocol):
    """A stream reader whose knowledge outlives its process."""

    def state(self) -> bytes:
        """Return all that it knows, as JSON."""

    def restore(self, state: bytes) -> bool:
        """Go on from where another stood; False, and nothing changes, where `state` is of no such reader."""


@runtime_checkable
class ErrorReader(Protocol):
    """A stream reader that wants to know what a program prints on its standard error, too."""

    @property
    def hears_errors(self) -> bool:
        """Return whether there is anything to hear."""

    def feed_errors(self, chunk: bytes) -> None:
        """Take the next bytes of `stderr.log`."""


class Runtimes(Protocol):
    """The agent programs of this installation, by the name of their adapter."""

    def names(self) -> AbstractSet[str]:
        """Return all that are installed, those of other packages too."""

    def obeyed(self) -> tuple[str, ...]:
        """Return the files that any of their programs obeys."""

    def command_for(self, runtime: Runtime, placement: Placement) -> Command:
        """Return what to run for a session, and what it needs to see and to reach."""

    def hosts_needed(self, runtime: Runtime, model: str) -> tuple[str, ...]:
        """Return what sessions must reach, one of them at least; () where nothing is known to be needed."""

    def stream_reader(self, adapter: str) -> StreamReader:
        """Return a new reader for what a session prints."""

    def price(self, models: tuple[str, ...], usage: Usage, prices: Mapping[str, Price]) -> float | None:
        """Return what tokens cost in US dollars by the model's names, most exact first; None where nobody knows."""

    def outlook(self, adapter: str, models: tuple[str, ...], windows: Mapping[str, int]) -> Outlook:
        """Return what is known beforehand of sessions with one of these models."""
