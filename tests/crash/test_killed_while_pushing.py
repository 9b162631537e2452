"""P4 with a remote: its own hooks kill the reconciler, the push, or both, in the middle of a push; the end is the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from swarmgit.app.fsck import check
from tests.conftest import Repo

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

ONCE = """#!/bin/sh
[ -e "{once}" ] && exit 0
touch "{once}"
{kill}
"""
RECONCILER = 'kill -9 "$(cat "{pid}")"'
PUSH = "kill -9 0"


def with_killing_remote(repo: Repo, hook: str, kill: str) -> Path:
    """Give the repository a remote whose hook kills, the first time that it runs; return where it is."""
    bare = repo.root.parent / "remote.git"
    repo.git("init", "-q", "--bare", str(bare))
    repo.git("remote", "add", "origin", str(bare))
    repo.swarm["push"] = {"remote": "origin"}
    repo.start()
    repo.git("push", "-q", "origin", "main")
    script = bare / "hooks" / hook
    script.parent.mkdir(exist_ok=True)
    words = kill.format(pid=repo.agents / "pid")
    script.write_text(ONCE.format(once=repo.agents / "once", kill=words))
    script.chmod(0o755)
    return bare


def reconcile(repo: Repo) -> int:
    """Run a real reconciler that says who it is."""
    child = subprocess.Popen(
        [sys.executable, "-m", "swarmgit", "reconcile", "-q", "--timeout", "60"],
        cwd=repo.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    (repo.agents / "pid").write_text(str(child.pid))
    return child.wait(90)


@pytest.mark.parametrize("hook", ["pre-receive", "post-receive"])
@pytest.mark.parametrize("kill", [RECONCILER, PUSH, f"{RECONCILER}; {PUSH}"], ids=["reconciler", "push", "both"])
def test_killed_in_the_middle_of_a_push_it_lands_once_and_both_sides_agree(repo: Repo, hook: str, kill: str) -> None:
    bare = with_killing_remote(repo, hook, kill)
    repo.task("a")
    repo.task("b", depends_on=["a"])
    repo.commit(message="ask")
    code = reconcile(repo)
    assert (repo.agents / "once").exists(), "the hook has to be reached"
    assert (code == -9) is ("pid" in kill)
    assert reconcile(repo) == 0
    assert repo.landed() == ["a", "b"]
    assert repo.git("rev-parse", "main", cwd=bare) == repo.git("rev-parse", "main")
    world = repo.world()
    assert check(world).violations == ()
    assert world.executor.poll() == {}
    world.close()
    assert repo.git("for-each-ref", "refs/swarm/candidate") == ""
