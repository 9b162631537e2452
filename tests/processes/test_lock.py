"""One reconciler per repository: the kernel keeps the promise, the file says who it is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from swarmgit.adapters.lock import ReconcilerLock
from swarmgit.errors import PersonMustAct, TryLater

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from swarmgit.adapters.lock import ReconcilerLock
lock = ReconcilerLock(Path(sys.argv[1]))
lock.acquire()
child = None
if sys.argv[2] != "0":
    child = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=(lock.fd,), stdout=subprocess.DEVNULL)
print(child.pid if child else 0, flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".git" / "swarmgit" / "lock"


def hold(path: Path, child_s: str = "0") -> tuple[subprocess.Popen[str], int]:
    argv = [sys.executable, "-c", HOLDER, str(path), child_s]
    holder = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    return holder, int(holder.stdout.readline())


def end(holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.communicate()


def test_the_second_reconciler_is_told_who_holds_the_lock(path: Path) -> None:
    holder, _ = hold(path)
    try:
        with pytest.raises(PersonMustAct) as refused:
            ReconcilerLock(path).acquire()
    finally:
        end(holder)

    assert re.fullmatch(
        rf"another reconcile \(pid {holder.pid}, since \d\d:\d\d\) works on this repository; "
        r"it holds \.git/swarmgit/lock",
        refused.value.message,
    )
    assert refused.value.hint


def test_kill_9_frees_it(path: Path) -> None:
    holder, _ = hold(path)
    end(holder)

    lock = ReconcilerLock(path)
    lock.acquire()

    assert f'"pid":{os.getpid()}' in path.read_text()
    lock.release()


def test_a_child_that_moves_refs_keeps_it_after_a_kill(path: Path) -> None:
    holder, child = hold(path, "60")
    end(holder)
    try:
        with pytest.raises(TryLater, match="git command of a killed reconcile"):
            ReconcilerLock(path).acquire()
    finally:
        os.kill(child, signal.SIGKILL)

    lock = ReconcilerLock(path)
    lock.acquire()
    lock.release()


def test_a_short_last_ref_update_is_waited_for(path: Path) -> None:
    holder, _ = hold(path, "0.5")
    end(holder)

    lock = ReconcilerLock(path)
    lock.acquire()
    lock.release()


def test_it_can_be_taken_again_and_given_back_twice(path: Path) -> None:
    class Morning:
        def now(self) -> datetime:
            return datetime(2026, 3, 4, 8, 12, tzinfo=UTC)

    lock = ReconcilerLock(path, Morning())
    for _ in range(2):
        lock.acquire()
        lock.acquire()
        with pytest.raises(PersonMustAct, match=r"since \d\d:\d2|since \d\d:12"):
            ReconcilerLock(path).acquire()
        lock.release()
        lock.release()
    with pytest.raises(ValueError, match="not held"):
        _ = lock.fd


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"pid": "x"}', b'{"pid": 1, "since": "never"}'])
def test_a_damaged_file_still_locks(path: Path, junk: bytes) -> None:
    lock = ReconcilerLock(path)
    lock.acquire()
    path.write_bytes(junk)

    with pytest.raises(PersonMustAct, match="another reconcile"):
        ReconcilerLock(path).acquire()

    lock.release()


def test_programs_that_are_not_given_the_file_do_not_hold_the_lock(path: Path) -> None:
    lock = ReconcilerLock(path)
    lock.acquire()
    child = subprocess.Popen(["sleep", "60"])
    try:
        lock.release()
        other = ReconcilerLock(path)
        other.acquire()
        other.release()
    finally:
        child.kill()
        child.wait()
