"""Ctrl-C and TERM as an event: the loop leaves between two effects, and a second one leaves at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STDERR = 2


@contextmanager
def on_interrupt(event: threading.Event, words: str) -> Iterator[None]:
    """Set `event` and write `words` to standard error at the first INT or TERM; the second is a KeyboardInterrupt."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        # not print: the signal may have come in the middle of one
        os.write(STDERR, f"\n{words}\n".encode())

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_process(code: int) -> None:
    """End this process now, whatever its threads do: what they were at heals as after a kill."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
