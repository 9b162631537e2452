"""How sessions are confined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from swarmgit.model.health import OUTPUT_BYTES_MAX
from swarmgit.model.policy import SandboxReport
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
