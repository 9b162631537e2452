"""Other git processes in a repository: which are at work, and the end of what a killed landing has left at work."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from swarmgit.adapters.git.checkouts import linked
from swarmgit.adapters.git.opened import holders, is_open

PROC = Path("/proc")
ENDED_S = 0.5


def drop_left_of_packing(git_dir: Path, is_old: Callable[[Path], bool]) -> bool:
    """Remove what a git that was killed while it packed refs has left; return whether nothing is left.

    git closes its lock while it holds it, so that whoever holds it is looked for among all that run. Without the lock
    the file beside it would be in every later packing's way.
    """
    left = [path for name in ("packed-refs.new", "packed-refs.lock") if (path := git_dir / name).exists()]
    if not left:
        return True
    if not all(map(is_old, left)) or not PROC.is_dir() or is_git_at_work(git_dir):
        return False
    for path in left:
        path.unlink(missing_ok=True)
    return True


def end_holders(locks: Iterable[Path]) -> None:
    """End the git of a killed landing that is still at work: it would write over what a person edits by now.

    Only for locks whose name is ours: git has them open while it writes files.
    """
    for lock in locks:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in holders(lock):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            until = time.monotonic() + ENDED_S
            while is_open(lock) and time.monotonic() < until:
                time.sleep(0.01)


def is_git_at_work(git_dir: Path) -> bool:
    """Return whether a git that is none of our children works in this repository, or may do so."""
    places = tuple(os.path.realpath(place) for place in _places(git_dir))
    return any(_may_work_in(process, places) for process in PROC.glob("[0-9]*") if _is_git(process))


def _places(git_dir: Path) -> Iterable[Path]:
    """Yield the git directory and its checkouts."""
    yield git_dir
    if git_dir.name == ".git":
        yield git_dir.parent
    yield from (place for _, place in linked(git_dir))


def _is_git(process: Path) -> bool:
    try:
        fields = (process / "stat").read_text("utf-8", "replace")
    except OSError:  # it has gone
        return False
    name, _, rest = fields.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return name.startswith("git") and state not in "ZX" and int(parent) != os.getpid()


def _may_work_in(process: Path, places: tuple[str, ...]) -> bool:
    try:
        folder = os.path.realpath((process / "cwd").readlink())
        named = os.fsdecode((process / "cmdline").read_bytes() + (process / "environ").read_bytes())
    except FileNotFoundError:
        return False
    except OSError:  # somebody else's
        return True
    return any(folder == place or folder.startswith(f"{place}/") or place in named for place in places)
