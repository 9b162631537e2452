"""Control groups: what a session uses as a whole, where this user may make some (root, or a delegated tree of v2)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from swarmgit.model.policy import Limits

GROUP_FILE = "box.group"
_MOUNT = Path("/sys/fs/cgroup")
_TRY_S_MAX = 5.0
_JOIN = 'echo 0 > "$1/cgroup.procs"'


def usable() -> tuple[str, ...]:
    """Return `<file> <folder>` for each limit that can be set: the file in a group, and where groups can be made."""
    if sys.platform != "linux":
        return ()
    with suppress(OSError):
        text = Path("/proc/self/cgroup").read_text("utf-8", "replace")
        return tuple(limit for line in text.splitlines() for limit in _of_hierarchy(line))
    return ()


def lines(limits: Limits, bases: Sequence[str], session: str) -> bytes:
    """Return what box.sh reads: `<file> <value> <folder>`, one limit a line."""
    values = {"pids.max": limits.processes}
    values |= dict.fromkeys(("memory.max", "memory.limit_in_bytes"), int(limits.memory_gb * (1 << 30)))
    rows = [(base.partition(" ")[0], base.partition(" ")[2]) for base in bases]
    return "".join(f"{name} {values[name]} {folder}/swarmgit-{session}\n" for name, folder in rows).encode()


def remove(content: bytes) -> None:
    """Remove a session's groups; those with processes in them stay."""
    for line in content.decode("utf-8", "replace").splitlines():
        parts = line.split(" ", 2)
        if len(parts) == 3 and Path(parts[2]).is_relative_to(_MOUNT):
            with suppress(OSError):
                Path(parts[2]).rmdir()


def _of_hierarchy(line: str) -> Iterator[str]:
    """Yield the limits of one line of /proc/self/cgroup, `number:controllers:path`."""
    _, controllers, path = line.split(":", 2)
    if controllers in {"pids", "memory"}:
        file = "pids.max" if controllers == "pids" else "memory.limit_in_bytes"
        folder = _MOUNT / controllers / path.lstrip("/")
        if _can_make(folder, (file,)):
            yield f"{file} {folder}"
    elif not controllers:
        own = _MOUNT / path.lstrip("/")
        # a group with processes in it has no groups with limits below it, but the one above may
        for folder in (own.parent, own):
            if folder.is_relative_to(_MOUNT) and _can_make(folder, ("pids.max", "memory.max")):
                yield from (f"{file} {folder}" for file in ("pids.max", "memory.max"))
                return


def _can_make(folder: Path, files: Sequence[str]) -> bool:
    """Return whether a group with these limits can be made there, and joined."""
    probe = folder / f"swarmgit-probe-{os.getpid()}"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        argv = ["/bin/sh", "-c", _JOIN, "join", str(probe)]
        done = subprocess.run(argv, capture_output=True, timeout=_TRY_S_MAX, check=False)
        return done.returncode == 0 and all(os.access(probe / file, os.W_OK) for file in files)
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        with suppress(OSError):
            probe.rmdir()
