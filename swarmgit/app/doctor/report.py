"""What a check gets, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from swarmgit.app.look import Look, look
from swarmgit.model.policy import SandboxReport
from swarmgit.ports.world import ReadWorld, World

Level = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """What one check found. `repair`: a command or what to do; '' when there is nothing to repair.

    `fix`: repairs it without a loss for anybody, however often it is called, and returns what it did, in words; None
    where a person has to decide. It runs under the reconciler's lock.
    """

    name: str
    level: Level
    message: str
    repair: str = ""
    fix: Callable[[World], str] | None = None


class Report(Struct, frozen=True):
    """`fixed`: what was repaired before these findings, in words. `unfixed`: what could not be, and why."""

    findings: tuple[Finding, ...]
    fixed: tuple[str, ...] = ()
    unfixed: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return not self.unfixed and all(finding.level != "fail" for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return `doctor --json`."""
        shown = [
            {name: getattr(each, name) for name in ("name", "level", "message", "repair")} for each in self.findings
        ]
        done = {"fixed": list(self.fixed), "unfixed": list(self.unfixed)} if self.fixed or self.unfixed else {}
        return {"version": 1, "ok": self.is_healthy, "checks": shown, **done}


class Owned(Protocol):
    """Who owns a file or folder."""

    @property
    def name(self) -> str:
        """Return the owner."""

    @property
    def is_ours(self) -> bool:
        """Return whether that is who asks."""

    @property
    def is_writable(self) -> bool:
        """Return whether who asks can write there."""

    @property
    def is_on_read_only_disk(self) -> bool:
        """Return whether nobody can, because of how the disk is mounted."""


class GroundFacts(Protocol):
    """What the files say that a repository stands on."""

    @property
    def programs_of(self) -> Callable[[str], Sequence[str]]:
        """Return what tells the programs that an adapter needs."""

    def finds(self, program: str) -> bool:
        """Return whether a program is on PATH."""

    def owner_of(self, place: Path) -> Owned | None:
        """Return who owns a place, or where it will be made; None where nothing can be said."""

    def is_stale(self, lock: Path) -> bool:
        """Return whether a lock is there that no live process has open."""

    def drop_lock(self, lock: Path) -> None:
        """Remove a lock that is old enough and that nobody has open, or raise TryLater."""

    def hooks(self, common_dir: Path) -> tuple[str, ...]:
        """Return the hooks of a repository that can refuse something."""


class MachineFacts(Protocol):
    """What a real machine answers."""

    @property
    def git(self) -> tuple[int, int]:
        """Return git's version, (0, 0) where there is none."""

    @property
    def python(self) -> tuple[int, int]:
        """Return the version of Python."""

    @property
    def inotify(self) -> Mapping[str, int] | None:
        """Return the limits on watching files, None where the system has none."""

    @property
    def sandbox(self) -> SandboxReport:
        """Return the best sandbox of this machine."""

    @property
    def ground(self) -> GroundFacts:
        """Return what the files say that a repository stands on."""

    def free_bytes(self, path: Path) -> int:
        """Return the room where `path` is or will be."""

    def lock_holder(self, lock: Path) -> str | None:
        """Return who leads, None when nobody does."""


class Facts:
    """What checks share. `seen` costs a whole look and is taken once; where it fails, its error does for all."""

    def __init__(self, machine: MachineFacts, world: ReadWorld) -> None:
        self.machine = machine
        self._world = world

    @cached_property
    def seen(self) -> Look:
        """Return what `status` sees."""
        return look(self._world)


MachineCheck = Callable[[MachineFacts], Iterator[Finding]]
Check = Callable[[ReadWorld, Facts], Iterator[Finding]]
