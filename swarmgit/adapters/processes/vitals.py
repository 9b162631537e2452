"""What a session's processes use of the machine."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from swarmgit.adapters.processes.tree import Process

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ENTRIES_MAX = 2_000_000
LOOK_ENTRIES_MAX, LOOK_S_MAX, PIECE_ENTRIES = 100_000, 0.2, 1000
"""So much of a tree is counted at one look; a larger one takes several."""

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


class DiskCount:
    """Counts what is below folders, links not followed, a bounded piece at a look: at any depth, whatever is added.

    `used`: bytes so far. `uncounted`: why not all of it can be counted, as the end of a sentence; '' where it can.
    """

    def __init__(self, *folders: str, total_max: int = ENTRIES_MAX) -> None:
        self._total_max = total_max
        self.used = 0
        self.uncounted = ""
        self._entries = 0
        self._todo: list[tuple[str, list[str]]] = [(folder, [""]) for folder in folders if folder]
        """Of each folder on the way down the subfolders that are left: their names alone, which bounds the memory."""
        self._here: tuple[str, Iterator[os.DirEntry[str]], list[str]] | None = None

    def go_on(self, entries_max: int = LOOK_ENTRIES_MAX, seconds_max: float = LOOK_S_MAX) -> bool:
        """Count a piece more; return whether that was the last one."""
        until, left = time.monotonic() + seconds_max, entries_max
        while left > 0 and time.monotonic() < until:
            if self._entries > self._total_max:
                self.uncounted = f"holds more than {self._total_max:,} files and folders"
                self.close()
                return True
            if self._here is None and not self._enter():
                return True
            left -= self._take(min(left, PIECE_ENTRIES))
        return False

    def close(self) -> None:
        """Let go of the folder that is open."""
        here, self._here, self._todo = self._here, None, []
        if here is not None:
            here[1].close()  # type: ignore[attr-defined]

    def _enter(self) -> bool:
        """Open the next folder; return whether there was one."""
        while self._todo:
            folder, names = self._todo[-1]
            if not names:
                self._todo.pop()
                continue
            name = names.pop()
            path = f"{folder}/{name}" if name else folder
            try:
                self._here = path, os.scandir(path), []
            except OSError as error:  # it has gone meanwhile, or is closed to us
                if error.errno == errno.ENAMETOOLONG:
                    self.uncounted = "has folders too deep to be looked into"
                continue
            return True
        return False

    def _take(self, entries_max: int) -> int:
        """Count entries of the open folder; return how many. One more stands for the folder itself."""
        assert self._here is not None
        path, entries, folders = self._here
        count = 0
        for entry in islice(entries, entries_max):
            count += 1
            with suppress(OSError):  # it has gone meanwhile
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                self.used += entry.stat(follow_symlinks=False).st_blocks * 512
        self._entries += count
        if count < entries_max:
            entries.close()  # type: ignore[attr-defined]
            self._here = None
            self._todo.append((path, folders))
        return count + 1
