"""What a check gets, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from swarmgit.app.look import Look, look
from swarmgit.app.world import World
from swarmgit.ports import SandboxReport

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
    fix: Callable[[], str] | None = None


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

    def free_bytes(self, path: Path) -> int:
        """Return the room where `path` is or will be."""

    def lock_holder(self, lock: Path) -> str | None:
        """Return who leads, None when nobody does."""


class Facts:
    """What checks share. `seen` costs a whole look and is taken once; where it fails, its error does for all."""

    def __init__(self, machine: MachineFacts, world: World) -> None:
        self.machine = machine
        self._world = world

    @cached_property
    def seen(self) -> Look:
        """Return what `status` sees."""
        return look(self._world)


MachineCheck = Callable[[MachineFacts], Iterator[Finding]]
Check = Callable[[World, Facts], Iterator[Finding]]
