"""A person looks at what an agent has, live or ended, and runs nothing of the agent's by it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from swarmgit.app.run import Options, reconcile
from tests.conftest import Repo

TRAP = """
    git config core.fsmonitor "touch {mark}; false"
    git config core.hooksPath hooks
    git config diff.external "touch {mark}; false"
    git config alias.status "!touch {mark}"
    printf '* filter=x diff=x\\n' > .gitattributes
    git config filter.x.clean "touch {mark}; cat"
    git config filter.x.smudge "touch {mark}; cat"
    git config diff.x.textconv "touch {mark}; cat"
    mkfifo pipe
    echo new > a.txt
"""


def trap(tmp_path: Path) -> tuple[str, Path]:
    mark = tmp_path / "agents" / "ran"
    return TRAP.format(mark=mark), mark


def test_a_session_at_work_is_looked_at_without_running_anything_of_it(repo: Repo, tmp_path: Path) -> None:
    script, mark = trap(tmp_path)
    repo.policy["sandbox"] = "off"
    repo.task(
        "a",
        f"{script}\n    touch {tmp_path}/agents/ready; while ! test -e {tmp_path}/agents/go; do sleep 0.1; done; exit 1",
    )
    repo.swarm["attempts_max"] = 1
    repo.start({"b.txt": "b\n"})
    world = repo.world(lead=True)
    thread = threading.Thread(target=reconcile, args=(world, Options(timeout_s=60), lambda _: None, threading.Event()))
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "agents" / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        mark.unlink(missing_ok=True)
        shown = repo.swarmgit("diff", "a").stdout
        place = Path(repo.swarmgit("open", "a").stdout.strip())
        refused = repo.swarmgit("worktree", "path", "a", check=False)
        assert ("+new" in shown, (place / "a.txt").read_text()) == (True, "new\n")
        assert not (place / ".git").exists()
        assert not os.access(place / "a.txt", os.W_OK) or os.geteuid() == 0
        assert (place / "a.txt").stat().st_mode & 0o222 == 0
        assert (refused.returncode, "swarmgit open a" in refused.stderr, "swarmgit diff a" in refused.stderr) == (
            1,
            True,
            True,
        )
        assert "unsafe" not in refused.stderr
        assert repo.swarmgit("worktree", "path", "--unsafe", "a").stdout.strip().endswith("tree")
        assert not mark.exists()
    finally:
        (tmp_path / "agents" / "go").touch()
        thread.join()
        world.close()


@pytest.mark.default_cases("entry")
@pytest.mark.parametrize("by", ["task", "entry", "session"])
def test_what_has_ended_is_shown_by_any_of_its_names(repo: Repo, by: str) -> None:
    repo.task("a")
    repo.start({"b.txt": "b\n"})
    repo.reconcile()
    (entry,) = repo.entries()
    name = {"task": "a", "entry": entry.id, "session": entry.session}[by]
    assert "+a" in repo.swarmgit("diff", name).stdout
    place = Path(repo.swarmgit("open", name).stdout.strip())
    assert ((place / "a.txt").read_text(), (place / "b.txt").read_text()) == ("a\n", "b\n")
    again = Path(repo.swarmgit("open", name).stdout.strip())
    assert again == place
    assert repo.swarmgit("gc").returncode == 0
    assert not place.exists()


def test_rejected_work_is_shown_too(repo: Repo) -> None:
    repo.swarm["attempts_max"] = 1
    repo.task("a", "echo x > other.txt")
    repo.start()
    repo.reconcile()
    assert repo.phases() == {"a": "failed"}
    shown = repo.swarmgit("diff", "a").stdout
    assert "+x" in shown
    left = repo.status("a").attempts[0].left_out
    assert left is not None
    assert f"Left out of the work, kept as {left.ref}:\n  other.txt (new, outside the scope, not committed)\n" in shown
    repo.git("update-ref", "-d", left.ref)
    gone = repo.swarmgit("diff", "a").stdout
    assert gone.startswith("Left out of the work, and no longer kept:\n  other.txt (new,")


def test_what_was_left_out_is_shown_beside_the_work_and_by_any_of_its_names(repo: Repo) -> None:
    repo.task("a", "echo w > a.txt; echo x > notes.txt")
    repo.start()
    repo.reconcile()
    (entry,) = repo.entries()
    for name in ("a", entry.id, entry.session):
        shown = repo.swarmgit("diff", name).stdout
        work, besides = shown.split("Left out of the work, kept as refs/swarm/salvage/a/")
        assert ("+w" in work, "+x" in work, "+w" in besides, "+x" in besides) == (True, False, False, True)
    opened = repo.swarmgit("open", "a")
    assert sorted(each.name for each in Path(opened.stdout.strip()).glob("*.txt")) == ["a.txt"]
    assert opened.stderr.endswith("left out of the work (1) and shown by: swarmgit diff a\n")


def test_revisions_of_state_are_compared_as_before(repo: Repo) -> None:
    repo.task("a")
    repo.start()
    repo.reconcile()
    assert "tasks/a.yaml" in repo.swarmgit("diff", "HEAD~3").stdout
    assert repo.swarmgit("diff", "nonsense", check=False).returncode == 1
