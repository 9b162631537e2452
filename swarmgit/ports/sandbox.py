"""How sessions are confined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from swarmgit.model.health import OUTPUT_BYTES_MAX
from swarmgit.model.policy import Policy, SandboxReport
from swarmgit.model.runtimes import Command
from swarmgit.model.sessions import SessionSpec


class Confinement(Struct, frozen=True):
    """Whose program is confined, and where it works. `role` is `gate` for a gate's.

    `named`: command lines that people wrote; the absolute paths in them are visible, and `files` are.
    """

    spec: SessionSpec
    role: str
    worktree: Path
    folder: Path
    runtime: str = ""
    named: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()


class Confined(Struct, frozen=True):
    """How to run a command inside. `around`: the words that go before a program of set-up; its output goes to set-up's
    log. `beside`: those before one whose output is read by the program after it, in a shell's pipe.

    `files` belong into the session's folder. `sandbox` says what holds it, for records. `expires`: when a credential
    of the session ends. `output_bytes_max`: how much each stream of its output may take.
    """

    folder: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    around: tuple[str, ...]
    beside: tuple[str, ...]
    files: Mapping[str, bytes]
    sandbox: SandboxReport
    expires: datetime | None = None
    output_bytes_max: int = OUTPUT_BYTES_MAX


class Sandbox(Protocol):
    def describe(self, policy: Policy) -> SandboxReport:
        """Return what confines sessions under a policy."""

    def granted(self, policy: Policy, runtime: str) -> frozenset[str]:
        """Return the names of the variables that a policy gives to a runtime."""

    def unreachable(self, policy: Policy, runtime: str, hosts: tuple[str, ...]) -> str:
        """Return why a runtime that has to reach one of `hosts` cannot work by policy, '' where it can."""

    def confine(self, command: Command, policy: Policy, where: Confinement) -> Confined:
        """Return how to run a command by policy; PersonMustAct where policy wants what this machine does not have."""
