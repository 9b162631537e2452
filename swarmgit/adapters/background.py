"""Work that may take long, beside the tick: in a few threads, one thing at a time for each name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct, field

from swarmgit.adapters.processes.children import end_own

T = TypeVar("T")

WORKERS_MAX = 8
PATIENCE_S = 0.04
"""Most work ends within that: then its result is there in the tick that asked for it."""


class _Job(Struct):
    """`what` tells apart what is asked for under one name. `error`: what the work raised, kept for who asks next."""

    what: object
    over: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class Threads:
    """Implements `ports.Background`. `ring` is called from the thread when work has ended that nobody waited for.

    The threads end with the process, and whatever they started has limits of its own. Nothing is lost with them:
    work is asked for again until the evidence of it is there.
    """

    def __init__(self, ring: Callable[[], None], patience_s: float = PATIENCE_S) -> None:
        self._ring = ring
        self._patience_s = patience_s
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        """Starts that go on side by side ask too."""

    def run(self, name: str, what: object, work: Callable[[], T]) -> T | None:
        """Return what `work` came to, or raise what it raised; None while it, or other work of that name, goes on."""
        with self._lock:
            job = self._jobs.get(name)
            if job is not None and job.over.is_set() and job.what != what:
                job = None  # nobody asks for that any more
            is_new = job is None
            if job is None:
                others = (each for other, each in self._jobs.items() if other != name)
                if sum(not each.over.is_set() for each in others) >= WORKERS_MAX:
                    return None
                job = self._jobs[name] = self._start(what, work)
        if is_new:
            job.over.wait(self._patience_s)
        if job.what != what or not job.over.is_set():
            return None
        with self._lock:
            if self._jobs.get(name) is job:
                del self._jobs[name]
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def _start(self, what: object, work: Callable[[], Any]) -> _Job:
        job = _Job(what)

        def run() -> None:
            try:
                job.result = work()
            except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
                job.error = error
            job.over.set()
            self._ring()

        threading.Thread(target=run, name="swarmgit-background", daemon=True).start()
        return job

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return when all work has ended, or after `timeout_s`; True where all has ended."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        for job in list(self._jobs.values()):
            job.over.wait(None if until is None else max(0.0, until - time.monotonic()))
        return all(job.over.is_set() for job in self._jobs.values())

    def abandon(self) -> None:
        """End at once the git processes of everything that goes on."""
        end_own()
