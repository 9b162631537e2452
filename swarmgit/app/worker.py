"""A tick in a thread of its own, so that an interrupt or the end of the time ends the run also while an action works.

Leaving a tick in the middle is what a kill at that instant would be, and heals in the same way: no further action
begins, then the git processes of this one are ended, then nobody waits any longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from swarmgit.ports.world import World

T = TypeVar("T")
LOOK_S = 0.05
ACTION_S, ENDED_S = 0.15, 0.25
"""So long an action may still take once somebody wants to leave, and once its git processes were ended."""


class Left(BaseException):
    """Somebody wants to leave: no further action begins. Not an error of any step."""


class Worker:
    """`leaving` is asked between two actions. `is_hung`: an action goes on that cannot be ended; end the process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.leaving = threading.Event()
        self.is_hung = False

    def run(self, job: Callable[[], T], wants_to_leave: Callable[[], bool]) -> T:
        """Return what `job` comes to, or raise what it raises; Left where somebody wants to leave before it is done."""
        done: _Done[T] = _Done(job)
        try:
            done.start()
            while not done.has_ended(LOOK_S):
                if wants_to_leave():
                    self._leave(done)
        except KeyboardInterrupt:
            self._leave(done)
            raise
        return done.result()

    def _leave(self, done: _Done[T]) -> None:
        self.leaving.set()
        if done.has_ended(ACTION_S):
            return
        self.world.background.abandon()
        self.is_hung = not done.has_ended(ENDED_S)
        if self.is_hung:
            raise Left


class _Done(Generic[T]):
    """A job that runs in a thread, which ends with the process at the latest."""

    def __init__(self, job: Callable[[], T]) -> None:
        self._job = job
        self._over = threading.Event()
        self._results: list[T] = []
        self._error: BaseException | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="swarmgit-tick", daemon=True).start()

    def _run(self) -> None:
        try:
            self._results.append(self._job())
        except BaseException as error:  # noqa: BLE001  it is raised where the job is waited for
            self._error = error
        self._over.set()

    def has_ended(self, timeout_s: float) -> bool:
        return self._over.wait(timeout_s)

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._results[0]


def since(event: threading.Event, grace_s: float) -> Callable[[], bool]:
    """Return what says whether an event was set at least `grace_s` seconds before, as far as it was asked."""
    seen: list[float] = []

    def is_so() -> bool:
        if event.is_set() and not seen:
            seen.append(time.monotonic())
        return bool(seen) and time.monotonic() - seen[0] >= grace_s

    return is_so
