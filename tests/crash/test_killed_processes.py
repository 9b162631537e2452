"""P4 with real processes: the reconciler is killed by the kernel at chosen system calls; the end is the same."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from crash_scenario import assert_same_end, begin, try_to_run

from tests.conftest import Repo

WRITES = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,fsync,fdatasync,mkdir,mkdirat,symlink,symlinkat"
OPENS = "openat"
WRITING = "write,pwrite64,ftruncate,clone,clone3,vfork,execve"
SAMPLES = 6
STARTS_MAX = 4

pytestmark = [
    pytest.mark.crash,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]


def reconcile_traced(repo: Repo, calls: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run `swarmgit reconcile` with its own main thread traced; its children are not."""
    return subprocess.run(
        ["strace", "-qq", "-e", f"trace={calls}", *more, sys.executable, "-m", "swarmgit", "reconcile", "-q"],
        cwd=repo.root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def traced_calls(tmp_path: Path, calls: str) -> list[tuple[str, int]]:
    """Return every call of a whole run, as its name and how many of that name there were before, counted from 1."""
    (tmp_path / "count").mkdir()
    repo = begin(Repo(tmp_path / "count"))
    log = tmp_path / "trace"
    done = reconcile_traced(repo, calls, "-o", str(log))
    if "ptrace" in done.stderr and done.returncode not in {0, 4}:
        pytest.skip("processes cannot be traced here")
    assert done.returncode == 4, done.stdout + done.stderr
    assert_same_end(repo)
    seen: Counter[str] = Counter()
    found = []
    for line in log.read_text(errors="replace").splitlines():
        name, bracket, _ = line.partition("(")
        if bracket and name.isidentifier():
            seen[name] += 1
            found.append((name, seen[name]))
    return found


@pytest.mark.parametrize("calls", [WRITES, OPENS, WRITING], ids=["renames", "opens", "writes"])
def test_killed_at_system_calls_it_reaches_the_same_end(tmp_path: Path, calls: str) -> None:
    found = traced_calls(tmp_path, calls)
    dice = random.Random(len(found))
    first = 0 if calls != OPENS else len(found) // 3  # before that the interpreter loads its modules
    killed = 0
    for number in range(SAMPLES):
        place = tmp_path / str(number)
        place.mkdir()
        repo = begin(Repo(place))
        for _ in range(STARTS_MAX):
            name, at = dice.choice(found[first:])
            inject = f"inject={name}:signal=SIGKILL:when={at}"
            done = reconcile_traced(repo, calls, "-o", str(place / "trace"), "-e", inject)
            if done.returncode == 4:
                break
            assert done.returncode in {-9, 137}, done.stdout + done.stderr
            killed += 1
            print("killed at", name, at)
        try_to_run(repo)
        assert_same_end(repo)
    assert killed >= SAMPLES // 2, "most of the kills have to hit"
