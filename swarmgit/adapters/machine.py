"""What `doctor` wants to know about this machine."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from swarmgit.adapters.git.discover import git_version
from swarmgit.adapters.ground import Ground
from swarmgit.adapters.processes import identity
from swarmgit.adapters.sandbox.confine import report
from swarmgit.adapters.sandbox.probe import search
from swarmgit.model.policy import SandboxReport

INOTIFY = Path("/proc/sys/fs/inotify")


class Machine(Struct, frozen=True):
    """`inotify` None: this system has another way to watch files."""

    environ: Mapping[str, str]
    programs_of: Callable[[str], Sequence[str]] = lambda _: ()

    @property
    def ground(self) -> Ground:
        return Ground(self.environ, self.programs_of)

    @property
    def git(self) -> tuple[int, int]:
        """Return git's version, (0, 0) where there is none."""
        try:
            return git_version(self.environ)
        except OSError:
            return (0, 0)

    @property
    def python(self) -> tuple[int, int]:
        return sys.version_info[:2]

    @property
    def inotify(self) -> Mapping[str, int] | None:
        """Return the limits 'max_user_watches' and 'max_user_instances'."""
        found = {}
        for name in ("max_user_watches", "max_user_instances"):
            with contextlib.suppress(OSError, ValueError):
                found[name] = int((INOTIFY / name).read_text())
        return found or None

    @property
    def sandbox(self) -> SandboxReport:
        return report(search())

    def free_bytes(self, path: Path) -> int:
        """Return how much room there is where `path` is or will be."""
        there = next(each for each in (path, *path.parents) if each.exists())
        return shutil.disk_usage(there).free

    def lock_holder(self, lock: Path) -> str | None:
        """Return who holds the reconciler's lock, None when nobody alive does. Nothing is locked for the question."""
        try:
            words = msgspec.json.decode(lock.read_bytes())
            pid, start, boot = words["pid"], words["start"], words["boot"]
        except (OSError, msgspec.MsgspecError, KeyError, TypeError):
            return None
        is_held = identity.is_alive(identity.Identity(pid, start, boot))
        return f"pid {pid} since {words.get('since')}" if is_held else None
