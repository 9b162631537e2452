"""P8: `reconcile --watch` never ends by itself: what fails as a whole is told once, tried again, and goes on when healed."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from swarmgit.app.run import INTERRUPTED, Options, Result, Trouble, reconcile
from swarmgit.model.outcomes import Failed
from tests.conftest import Repo

HEALED_S_MAX = 60
SLOW = pytest.mark.slow


class Watch:
    """A reconciler that watches, in a thread; `failures` and `troubles` are what it has told."""

    def __init__(self, repo: Repo, fault: Callable[[str], None] | None = None) -> None:
        self.repo = repo
        self.failures: list[str] = []
        self.troubles: list[Trouble] = []
        self.interrupted = threading.Event()
        self.result: Result | BaseException | None = None
        self._fault = fault
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            world = self.repo.world(lead=True, fault=self._fault)
            self.result = reconcile(world, Options(mode="watch"), self._told, self.interrupted, self.troubles.append)
        except BaseException as error:  # noqa: BLE001  shown by the test
            self.result = error

    def _told(self, report: Any) -> None:
        self.failures += [outcome.message for outcome in report.outcomes if isinstance(outcome, Failed)]

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + HEALED_S_MAX
        while not is_so():
            assert self.result is None, self.result
            assert time.monotonic() < deadline, (self.failures[-3:], self.troubles[-3:])
            time.sleep(0.05)

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        self._thread.start()
        try:
            yield self
        finally:
            self.interrupted.set()
            self._thread.join(HEALED_S_MAX)
        assert isinstance(self.result, Result), self.result
        assert self.result.code == INTERRUPTED


def one_task(repo: Repo) -> None:
    repo.start()
    repo.task("a")
    repo.commit()


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", [pytest.param("record", marks=SLOW), pytest.param("FinishSession", marks=SLOW), "Land"]
)
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), id="full disk"),
        pytest.param(OSError(errno.EMFILE, "Too many open files"), id="no descriptors", marks=SLOW),
        pytest.param(ValueError("bug"), id="bug", marks=SLOW),
    ],
)
def test_what_fails_again_and_again_goes_on_when_it_is_healed(repo: Repo, step: str, error: Exception) -> None:
    # given a step that fails for everybody, until it is healed
    one_task(repo)
    failing = threading.Event()
    failing.set()
    count = 0

    def fault(name: str) -> None:
        nonlocal count
        if name == step and failing.is_set():
            count += 1
            raise error

    # when one watches
    with Watch(repo, fault).watching() as watch:
        watch.until(lambda: count >= 5)
        assert repo.landed() == []
        failing.clear()

        # then it goes on by itself
        watch.until(lambda: repo.landed() == ["a"])
    told = [*watch.failures, *(trouble.message for trouble in watch.troubles)]
    assert all(str(error) in message for message in told)
    assert told


@SLOW
@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/swarm/state"])
def test_somebody_elses_lock_on_a_branch_is_waited_out(repo: Repo, ref: str) -> None:
    one_task(repo)
    lock = repo.root / ".git" / f"{ref}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held, Watch(repo).watching() as watch:
        watch.until(lambda: len(watch.failures) + len(watch.troubles) >= 4)
        assert repo.landed() == []
        held.close()
        lock.unlink()
        watch.until(lambda: repo.landed() == ["a"])


def test_objects_that_are_out_of_reach_for_a_while_are_waited_for(repo: Repo) -> None:
    repo.start()
    repo.task("a", "sleep 0.5; echo a > a.txt")
    repo.commit()
    objects, sessions = repo.root / ".git/objects", repo.root / ".git/swarmgit/sessions"
    with Watch(repo).watching() as watch:
        watch.until(lambda: sessions.is_dir() and any(sessions.iterdir()))
        hidden = objects.rename(objects.with_name("objects-away"))
        watch.until(lambda: len(watch.troubles) + len(watch.failures) >= 3)
        hidden.rename(objects)
        watch.until(lambda: repo.landed() == ["a"])


@SLOW
def test_who_does_not_watch_ends_after_a_while_with_what_failed(repo: Repo) -> None:
    one_task(repo)

    def fault(name: str) -> None:
        if name == "record":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    result = repo.reconcile(fault=fault)

    assert result.code == 1
    assert "No space left on device" in result.reason
    assert repo.reconcile().code == 0
