"""What `doctor` wants to know of the files that a repository stands on. Nothing here writes, but for `drop_lock`."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.opened import is_open
from swarmgit.adapters.git.refs import drop_stale_lock
from swarmgit.errors import TryLater

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
HOOKS = ("pre-commit", "commit-msg", "pre-merge-commit", "pre-push", "reference-transaction", "update", "pre-receive")
"""Hooks that can refuse what a person does."""

CLOCK_S = 2.0


class Owner(Struct, frozen=True):
    """Who owns a file or folder."""

    name: str
    is_ours: bool
    is_writable: bool
    is_on_read_only_disk: bool


class Ground(Struct, frozen=True):
    """`programs_of`: the programs that an adapter needs."""

    environ: Mapping[str, str]
    programs_of: Callable[[str], Sequence[str]] = lambda _: ()

    def finds(self, program: str) -> bool:
        """Return whether a program is on PATH."""
        return shutil.which(program, path=f"{self.environ.get('PATH', '')}:{SYSTEM_PATH}") is not None

    def owner_of(self, place: Path) -> Owner | None:
        """Return who owns a place, or where it will be made; None where nothing can be said."""
        there = next((each for each in (place, *place.parents) if each.exists()), None)
        if there is None:
            return None
        uid = there.stat().st_uid
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = f"user {uid}"
        is_read_only = bool(os.statvfs(there).f_flag & os.ST_RDONLY)
        return Owner(name, there != place or uid == os.geteuid(), os.access(there, os.W_OK), is_read_only)

    def is_stale(self, lock: Path) -> bool:
        """Return whether a lock is there that no live process has open."""
        try:
            return lock.exists() and not is_open(lock)
        except OSError:
            return False

    def drop_lock(self, lock: Path) -> None:
        """Remove a lock that is old enough and that nobody has open, or raise TryLater."""
        if not drop_stale_lock(lock, CLOCK_S):
            raise TryLater(f"{lock} was made just now", "swarmgit doctor --fix")

    def hooks(self, common_dir: Path) -> tuple[str, ...]:
        """Return the hooks of a repository that can refuse something."""
        return tuple(name for name in HOOKS if os.access(common_dir / "hooks" / name, os.X_OK))
