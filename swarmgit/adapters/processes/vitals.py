"""What a session's processes use of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from swarmgit.adapters.processes.tree import Process

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
FILES_MAX = 100_000


def memory_and_cpu(processes: Iterable[Process]) -> tuple[int, float]:
    """Return resident bytes and seconds of processor time of live processes; 0 where the system does not say.

    Processor time counts ended children that were waited for too.
    """
    memory, ticks = 0, 0
    for process in processes:
        try:
            words = Path(f"/proc/{process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            memory += int(words[21]) * _PAGE_BYTES
            ticks += sum(map(int, words[11:15]))
        except (OSError, IndexError, ValueError):  # it has ended meanwhile
            continue
    return memory, ticks / _TICKS


def disk_bytes(folder: str) -> int | None:
    """Return what the files below a folder take on the disk, links not followed; None where there are too many."""
    total, count, todo = 0, 0, [folder]
    while todo:
        try:
            entries = os.scandir(todo.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                count += 1
                if count > FILES_MAX:
                    return None
                try:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                except OSError:
                    continue
    return total
