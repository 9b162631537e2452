"""What a session's processes use of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from swarmgit.adapters.processes.tree import Process

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FILES_MAX = 100_000
_SMALL_BYTES = 4 << 20
"""Less is not worth the kernel's walk through its pages."""


def memory_and_cpu(processes: Iterable[Process]) -> tuple[int, float]:
    """Return bytes of memory and seconds of processor time of live processes; 0 where the system does not say.

    A page that several processes share counts once in all, where the kernel lets us know (else each process's
    resident bytes count whole). Processor time counts ended children that were waited for too.
    """
    memory, ticks = 0, 0
    for process in processes:
        try:
            words = Path(f"/proc/{process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            memory += _share(process.pid, int(words[21]) * _PAGE_BYTES)
            ticks += sum(map(int, words[11:15]))
        except (OSError, IndexError, ValueError):  # it has ended meanwhile
            continue
    return memory, ticks / _TICKS


def _share(pid: int, resident: int) -> int:
    """Return a process's proportional share of what is resident of it; `resident` where that cannot be read."""
    if resident < _SMALL_BYTES:
        return resident
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8", "replace")
        return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration, IndexError, ValueError):  # another user's, an old kernel, or it has ended
        return resident


def disk_bytes(folder: str) -> int | None:
    """Return what the files below a folder take on the disk, links not followed; None where there are too many."""
    total, count = 0, 0
    for root, _, names in os.walk(folder):
        count += len(names)
        if count > FILES_MAX:
            return None
        total += sum(_size(f"{root}/{name}") for name in names)
    return total


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:  # it has gone meanwhile
        return 0
