"""What processes cost, read from the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COUNTER = (
    "import os, sys\n"
    "null = os.open(os.devnull, os.O_RDWR)\n"
    "pid = os.posix_spawn(sys.argv[1], sys.argv[1:], dict(os.environ), file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])\n"
    "_, status, used = os.wait4(pid, 0)\n"
    "print(os.waitstatus_to_exitcode(status), used.ru_maxrss, used.ru_utime + used.ru_stime)\n"
)
"""Starts a program from a process smaller than it: a child's peak memory counts that of its parent at the fork."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`rss_mb`: the peak of the largest process. `cpu_s`: of all that it waited for."""

    code: int
    rss_mb: float
    cpu_s: float


def cost_of(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Cost:
    """Run a program to its end and return what it cost."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", COUNTER, *argv],
        cwd=cwd,
        env=dict(env),
        capture_output=True,
        text=True,
        check=True,
    )
    code, kilobytes, cpu_s = done.stdout.split()
    factor = 1 / (1 << 20) if sys.platform == "darwin" else 1 / 1024
    return Cost(int(code), float(kilobytes) * factor, float(cpu_s))


def rss_mb(pid: int) -> float:
    """Return the resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1]) / 1024
    return 0.0


def family(root: int, *, marked: bytes = b"SWARM_SESSION=") -> list[int]:
    """Return a process and its descendants, but no agents and gates (their environment has the mark)."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_bytes()
        except OSError:
            continue
        children.setdefault(int(stat[stat.rfind(b")") + 1 :].split()[1]), []).append(int(entry.name))
    found, ahead = [], [root]
    while ahead:
        pid = ahead.pop()
        if pid != root and marked in _environ(pid):
            continue
        found.append(pid)
        ahead.extend(children.get(pid, ()))
    return found


def cpu_s(root: int) -> float:
    """Return the CPU time of a process, its living descendants (no agents) and what it has waited for."""
    total = sum(map(scheduled_s, family(root)))
    try:
        stat = Path(f"/proc/{root}/stat").read_bytes()
    except OSError:
        return total
    fields = stat[stat.rfind(b")") + 1 :].split()
    return total + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def timed(run: Callable[[], object]) -> float:
    """Return how many milliseconds a call takes."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1e3


def scheduled_s(pid: int) -> float:
    """Return the CPU time of all threads of a process, to the nanosecond where the kernel keeps it."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("[0-9]*"):
        try:
            total += int((thread / "schedstat").read_text().split()[0])
        except (OSError, IndexError, ValueError):
            continue
    return total / 1e9


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
