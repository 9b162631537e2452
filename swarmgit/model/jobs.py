"""Processes of sessions: what starts one, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from swarmgit.model.endings import Stop
from swarmgit.model.health import Excess
from swarmgit.model.sessions import SessionSpec, Voice


class StartSpec(Struct, frozen=True):
    """What the executor needs to start a process: all plain data. `argv` is run in `cwd` with exactly `env`.

    `setup`: shell commands run first, in order, in `cwd`; the first that fails ends the session before `argv` runs.
    `files`: written into the session folder before the start (name → content); subfolders allowed.
    """

    spec: SessionSpec
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    setup: tuple[str, ...] = ()
    files: Mapping[str, bytes] | None = None


JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "lost", "unknown"]


class Job(Struct, frozen=True):
    """One process as the executor sees it. `exit_code` None: not ended, lost, or never run (then `error`).

    `setup_failed`: a set-up command failed, `argv` was not run. `spoke`: where it printed last. `excess`: how it wrote
    more than it may. `is_unheard`: what keeps its output has ended before it.
    """

    spec: SessionSpec
    state: JobState
    pid: int | None = None
    exit_code: int | None = None
    ended: datetime | None = None
    error: str = ""
    setup_failed: bool = False
    stop: Stop | None = None
    stop_at: datetime | None = None
    last_output: datetime | None = None
    spoke: tuple[Voice, ...] = ()
    excess: Excess | None = None
    is_unheard: bool = False
