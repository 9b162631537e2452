"""The way that a session's output takes: named pipes that it can only write into, and a writer outside for each.

What a program writes into it can open again through `/proc`: an unnamed pipe to read, a socket not at all, a file to
empty it. Of a named pipe the mode is asked, which lets nobody read; inside the walls no mode can be changed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from swarmgit.adapters.processes import folder as files
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct
from swarmgit.model.health import Excess

SETUP_LOG = "setup.log"
LOGS = {paths.STDOUT_PIPE: "stdout.jsonl", paths.STDERR_PIPE: "stderr.log", paths.SETUP_PIPE: SETUP_LOG}
ENDED_FILE = "ended"
"""Written by the wrapper when the program has ended, before the writers do."""

WRITERS_FILE = "writers"
"""The pids of the writers, by the wrapper."""

BLOCK_BYTES = 512
"""The unit of a shell's limit on the size of a file."""

_MAKING, _CLOSED = 0o600, 0o200


@contextmanager
def opened(folder: str) -> Iterator[tuple[int, ...]]:
    """Yield the ends to read from of a session's pipes, in the order of `LOGS`; PersonMustAct where there can be none.

    They are opened here, before anything of the session runs: afterwards nobody can.
    """
    ends: list[int] = []
    try:
        ends.extend(_open(f"{folder}/{name}") for name in LOGS)
        yield tuple(ends)
    finally:
        for end in ends:
            os.close(end)


def _open(path: str) -> int:
    """Return the end to read from of a pipe, which is made where it is missing, and let nobody open another one."""
    try:
        with suppress(FileExistsError):
            os.mkfifo(path, _MAKING)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        raise PersonMustAct(
            f"{path} cannot be made: this file system has no named pipes, and the output of a session needs one",
            hint="swarmgit doctor",
        ) from error
    if not stat.S_ISFIFO(os.lstat(path).st_mode):
        raise PersonMustAct(
            f"{path} is not a pipe, and the output of a session needs one there", hint="swarmgit doctor"
        )
    os.chmod(path, _MAKING)  # noqa: PTH101 - text, as all paths of a session here
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    os.fchmod(end, _CLOSED)
    fcntl.fcntl(end, fcntl.F_SETFL, os.O_RDONLY)  # a writer waits for what comes
    return end


def excess(folder: str, bytes_max: int) -> Excess | None:
    """Return how a session wrote more than it may: to a stream of its output, or in all; None where it did not."""
    found = (_filled(folder, log, bytes_max) for log in LOGS.values())
    return next(filter(None, found), None) or written_excess(folder)


def excess_at_work(folder: str, bytes_max: int) -> Excess | None:
    """Return the same of a session that is heard: of the streams only set-up's tells.

    The writer of that one ends before the others do, also where all is well; so its pipe says nothing.
    """
    return _filled(folder, SETUP_LOG, bytes_max) or written_excess(folder)


def _filled(folder: str, log: str, bytes_max: int) -> Excess | None:
    with suppress(OSError):
        size = os.stat(f"{folder}/{log}", follow_symlinks=False).st_size  # noqa: PTH116
        if size >= bytes_max - bytes_max % BLOCK_BYTES:
            return Excess("output", size, bytes_max)
    return None


def written_excess(folder: str) -> Excess | None:
    """Return what stands in a session's folder of its having written more than it may in all."""
    content = files.read(folder, paths.EXCESS_FILE, 0, 4096)
    if not content:
        return None
    try:
        return msgspec.json.decode(content, type=Excess)
    except msgspec.MsgspecError:
        return None


def is_heard(folder: str) -> bool:
    """Return whether the writers of a session that runs are there; True where nobody can tell."""
    for name in (paths.STDOUT_PIPE, paths.STDERR_PIPE):
        try:
            end = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO and not os.path.lexists(f"{folder}/{ENDED_FILE}"):
                return False
            continue
        os.close(end)
    return True
