"""Standard output and error that a closed pipe, a full disk or a missing descriptor cannot break.

A command that only reads ends where nobody listens any more. One that works goes on without its words: what it does
counts, and its exit code says how that went.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDOUT = 1
STDERR = 2


class ClosedPipe(Exception):
    """Nobody reads our output any more, as in `swarmgit log | head`."""


class FullOutput(Exception):
    """Standard output does not take what was printed, as on a full disk."""


class Outlet(io.RawIOBase):
    """Writes to a descriptor until that fails; from then on words go nowhere.

    `fails`: told the first failure; what it raises ends the command.
    """

    def __init__(self, fd: int, fails: Callable[[OSError], None]) -> None:
        self._fd = fd
        self._fails = fails
        self._is_lost = False

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Return how many bytes are dealt with: written, or of no interest to anybody."""
        whole = memoryview(data).nbytes
        if self._is_lost:
            return whole
        try:
            return os.write(self._fd, data)
        except OSError as error:
            self._is_lost = True
            self._fails(error)
            return whole


def make_robust(is_reader: Callable[[], bool]) -> None:
    """Put outlets in the place of both streams, and of those that were closed when we were started.

    `is_reader`: whether the command that runs now only reads.
    """
    _fill()
    sys.stderr = _text(STDERR, lambda _error: None, sys.__stderr__)

    def fails(error: OSError) -> None:
        if error.errno in {errno.EPIPE, errno.EBADF}:
            if is_reader():
                raise ClosedPipe from error
        elif is_reader():
            raise FullOutput(os.strerror(error.errno or 0)) from error
        else:
            words = os.strerror(error.errno or 0)
            sys.stderr.write(f"warning: standard output cannot be written ({words}); the work goes on without it\n")
            sys.stderr.flush()

    sys.stdout = _text(STDOUT, fails, sys.__stdout__)


def _fill() -> None:
    """Open the null device where a standard stream is closed: the next file to be opened would take its place."""
    for fd in (0, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)
            os.set_inheritable(fd, True)


def _text(fd: int, fails: Callable[[OSError], None], before: TextIO | None) -> TextIO:
    """Return a text stream on an outlet; what its encoding lacks is shown as an escape, which JSON reads as well."""
    raw = Outlet(fd, fails)
    encoding = before.encoding if before is not None else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=raw.isatty())
