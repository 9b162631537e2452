"""What `doctor` wants to know of the files that a repository stands on. Nothing here writes, but for `drop_lock`."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.refs import drop_stale_lock, is_open
from swarmgit.adapters.git.run import Git
from swarmgit.errors import TryLater

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
HOOKS = ("pre-commit", "commit-msg", "pre-merge-commit", "pre-push", "reference-transaction", "update", "pre-receive")
"""Hooks that can refuse what a person does."""

REFS_MAX = 20_000
CLOCK_S = 2.0


class Owner(Struct, frozen=True):
    """Who owns a file or folder."""

    name: str
    is_ours: bool
    is_writable: bool


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
        return Owner(name, there != place or uid == os.geteuid(), os.access(there, os.W_OK))

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

    def loose_refs(self, common_dir: Path, below: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield refs that are files of their own: (name, what it says)."""
        count = 0
        for folder in below:
            for file in sorted((common_dir / folder).rglob("*")):
                count += 1
                if count > REFS_MAX:
                    return
                if file.is_file() and file.suffix != ".lock" and not file.name.startswith("."):
                    yield file.relative_to(common_dir).as_posix(), file.read_text("ascii", "replace").strip("\0 \n")

    def mirrors(self, common_dir: Path) -> tuple[str, ...]:
        """Return the remotes to which a push takes every ref."""
        listing = Git(common_dir).call("config", "--get-regexp", r"^remote\..*\.(mirror|push)$").stdout
        found = []
        for line in listing.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition(" ")
            remote = name.removeprefix("remote.").rpartition(".")[0]
            is_mirror = name.endswith(".mirror") and value.lower() not in {"false", "no", "off", "0"}
            if is_mirror or value.lstrip("+").partition(":")[0] in {"refs/*", "refs/swarm/*"}:
                found.append(remote)
        return tuple(dict.fromkeys(found))
