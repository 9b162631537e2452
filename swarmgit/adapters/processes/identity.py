"""Which process is meant: pid, start time and boot, because a pid alone is used again."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from functools import lru_cache

from msgspec import Struct

from swarmgit.errors import TryLater

HAS_PROC = sys.platform == "linux"
"""There it is always: where it cannot be read now, nothing is known, and nobody counts as gone."""

SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What says nothing about the file that was asked for: this process has no more descriptors, or no memory."""
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_PS_ENV = {"LC_ALL": "C", "TZ": "UTC0", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}


class Identity(Struct, frozen=True):
    """`start` is clock ticks since boot on Linux, `ps -o lstart` in UTC elsewhere; only compared for equality."""

    pid: int
    start: str
    boot: str


def parse_claim(text: str) -> Identity | None:
    """Return who wrote a `pid` file (pid, start, boot; a line each), None when it is not whole."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not (lines[0].isascii() and lines[0].isdigit()):
        return None
    start = start_in_stat(lines[1]) if ")" in lines[1] else " ".join(lines[1].split())
    if not start or not lines[2] or int(lines[0]) < 2:
        return None
    return Identity(int(lines[0]), start, lines[2])


def start_in_stat(line: str) -> str:
    """Return field 22 of a `/proc/<pid>/stat` line, counted after the name, which may hold anything."""
    fields = line[line.rfind(")") + 1 :].split()
    return fields[19] if len(fields) > 19 else ""


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what names this boot of the machine."""
    if HAS_PROC:
        try:
            with open(_BOOT_ID, encoding="ascii") as file:  # noqa: PTH123 - a kernel file, not a path of ours
                return file.readline().strip()
        except OSError as error:
            raise unreadable(error) from error
    return ask_system(["/usr/sbin/sysctl", "-n", "kern.boottime"]).split("\n")[0]


def is_alive(identity: Identity) -> bool:
    """Return whether exactly this process still runs; a zombie does not. TryLater where that cannot be told now."""
    return identity.boot == boot_id() and start_of(identity.pid) == identity.start


def start_of(pid: int) -> str | None:
    """Return the start time of a live process, None where there is none or only its zombie; TryLater: unknown now."""
    if not HAS_PROC:
        return start_by_ps(pid)
    stat = read_proc(pid, "stat")
    if not stat:
        require_proc()
        return None
    fields = stat[stat.rfind(b")") + 1 :].split()
    return None if len(fields) < 20 or fields[0] in {b"Z", b"X"} else fields[19].decode()


def start_by_ps(pid: int) -> str | None:
    """Return the same as `start_of` on a machine without /proc."""
    state, _, start = ask_system(["ps", "-o", "stat=,lstart=", "-p", str(pid)]).strip().partition(" ")
    return None if not state or state.startswith("Z") else " ".join(start.split())


def read_proc(pid: int, name: str, size_max: int = 4096) -> bytes:
    """Return a file of `/proc/<pid>/`, b'' when the process has gone or is not ours to look at."""
    try:
        file = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in SHORT:
            raise unreadable(error) from error
        return b""
    try:
        return os.read(file, size_max)
    except OSError:
        return b""
    finally:
        os.close(file)


def require_proc() -> None:
    """Raise TryLater where the process table cannot be read now: then no process is known to have gone."""
    try:
        os.stat("/proc/self/stat")  # noqa: PTH116 - a kernel file
    except OSError as error:
        raise unreadable(error) from error


def unreadable(error: OSError) -> TryLater:
    """Return what is said where nobody can tell which processes run."""
    return TryLater(f"the process table in /proc cannot be read now: {error.strerror}", "swarmgit doctor")


def ask_system(argv: list[str]) -> str:
    """Return what a program of the system (ps, sysctl) prints, with times in UTC and in English."""
    done = subprocess.run(argv, capture_output=True, env=_PS_ENV, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout
