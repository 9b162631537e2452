"""`queue retry` of an entry that was sent back: exactly the same work again, or a clear refusal."""

from __future__ import annotations

from pathlib import Path

from tests.calls import call
from tests.conftest import Repo


def sent_back(repo: Repo) -> Path:
    """Have a change rejected for a reason outside the repository; return the file that is the reason."""
    reason = repo.agents / "closed"
    reason.touch()
    repo.gates = [{"name": "late", "run": f"test ! -e a.txt || test ! -e {reason}", "when": ["merge"]}]
    repo.start()
    repo.task("a", budget={"attempts": 1})
    repo.commit(message="ask")
    assert repo.reconcile().code == 4
    assert repo.phases() == {"a": "failed"}
    return reason


def test_what_was_sent_back_for_a_reason_that_is_gone_lands_as_it_is(repo: Repo) -> None:
    sent_back(repo).unlink()
    repo.agent("a", "exit 1")
    call(repo, "queue", "retry", "a")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]
    assert len(repo.status("a").attempts) == 1
    assert call(repo, "fsck").returncode == 0


def test_what_was_superseded_is_refused_with_the_command_that_helps(repo: Repo) -> None:
    sent_back(repo).unlink()
    (first,) = repo.entries()
    call(repo, "task", "restart", "a")
    repo.reconcile()
    done = call(repo, "queue", "retry", first.id, check=False)
    assert done.returncode == 1
    assert "cannot be tried again: task a has gone on since" in done.stderr
    assert "swarmgit task restart a" in done.stderr
