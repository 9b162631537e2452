"""What a push session is given, and what is read from what it said."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from swarmgit.adapters.git import push as adapter
from swarmgit.adapters.git.push import push_command
from swarmgit.model.endings import Stop
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.jobs import Job
from swarmgit.model.sessions import PushSpec
from swarmgit.model.work import Push, Pushed
from swarmgit.observe import pushes

NEW, OLD = CommitId("a" * 40), CommitId("b" * 40)
SPEC = PushSpec(
    id=SessionId("s"),
    base=NEW,
    started=datetime(2026, 1, 1, tzinfo=UTC),
    minutes_max=3.0,
    push=Push("origin", "main", NEW),
)


def job(code: int | None, **fields) -> Job:
    return Job(SPEC, "succeeded" if code == 0 else "failed", exit_code=code, **fields)


def test_the_persons_keys_go_along_and_nothing_that_redirects_git(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "SSH_AUTH_SOCK": "/run/agent",
        "GIT_SSH_COMMAND": "ssh -i key",
        "GIT_CONFIG_GLOBAL": "/home/pat/.gitconfig",
        "GIT_DIR": "/elsewhere",
        "GIT_INDEX_FILE": "/elsewhere/index",
        "GIT_OBJECT_DIRECTORY": "/elsewhere/objects",
        "GIT_CONFIG_COUNT": "1",
        "SWARM_TASK": "x",
        "BASH_FUNC_x%%": "() { :; }",
    }
    env = push_command(tmp_path, environ, SPEC.push).env
    assert {name for name in env if name in environ} == {
        "PATH", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "GIT_DIR",
    }  # fmt: skip
    assert (env["GIT_DIR"], env["GIT_TERMINAL_PROMPT"]) == (str(tmp_path), "0")


def test_the_words_of_the_remote_are_kept_and_credentials_are_not() -> None:
    stderr = "remote: main is closed\nfatal: unable to access 'https://pat:secret@example.org/x': no\n"
    told = pushes.answer(job(adapter.FAILED), "", stderr)
    assert told == Pushed("failed", "main is closed; unable to access 'https://example.org/x': no")
    output = f"To /remote\n!\t{NEW}:refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n"
    told = pushes.answer(job(adapter.REJECTED), output, "")
    assert told == Pushed("rejected", "[remote rejected] (pre-receive hook declined)")


def test_an_end_that_nobody_wrote_down_says_nothing_and_one_that_was_asked_for_says_so() -> None:
    assert pushes.answer(Job(SPEC, "lost"), "", "") is None
    assert pushes.answer(job(None, stop=Stop("time limit", "time-limit")), "", "") == Pushed(
        "failed", "it was stopped: time limit"
    )
    assert pushes.answer(job(0), "", "") == Pushed("taken")
    assert pushes.answer(job(None, error="no such program"), "", "") == Pushed("failed", "no such program")
    assert (adapter.TAKEN, adapter.REJECTED) == (pushes.TAKEN, pushes.REJECTED)


def run(person: Path, push: Push) -> subprocess.CompletedProcess[str]:
    command = push_command(person / ".git", {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(person)}, push)
    return subprocess.run(command.argv, env=dict(command.env), cwd=person, capture_output=True, text=True, check=False)


def git(where: Path, *args: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@e", *args]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=True).stdout.strip()


def commit(where: Path, name: str) -> CommitId:
    git(where, "commit", "-q", "--allow-empty", "-m", name)
    return CommitId(git(where, "rev-parse", "HEAD"))


def pair(tmp_path: Path) -> tuple[Path, Path, CommitId]:
    """Return a repository, its remote, and the commit that both have."""
    person, bare = tmp_path / "person", tmp_path / "bare.git"
    git(tmp_path, "init", "-q", "-b", "main", str(person))
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    git(person, "remote", "add", "origin", str(bare))
    first = commit(person, "first")
    git(person, "push", "-q", "origin", "main")
    return person, bare, first


def test_only_a_fast_forward_is_pushed_whatever_the_lease_says(tmp_path: Path) -> None:
    person, bare, first = pair(tmp_path)
    second = commit(person, "second")
    assert run(person, Push("origin", "main", second, first)).returncode == adapter.TAKEN
    git(person, "reset", "-q", "--hard", first)
    other = commit(person, "other")
    for old in (second, None):
        assert run(person, Push("origin", "main", other, old)).returncode in {adapter.REJECTED, adapter.FAILED}
        assert git(bare, "rev-parse", "main") == second


def test_a_lease_that_is_out_of_date_is_rejected_and_the_branch_fetched_beside_the_persons_own_refs(
    tmp_path: Path,
) -> None:
    person, bare, first = pair(tmp_path)
    git(tmp_path, "clone", "-q", str(bare), "other")
    theirs = commit(tmp_path / "other", "theirs")
    git(tmp_path / "other", "push", "-q", "origin", "main")
    done = run(person, Push("origin", "main", commit(person, "mine"), first))
    assert done.returncode == adapter.REJECTED
    assert git(person, "rev-parse", "refs/swarm/remote/main") == theirs
    assert git(person, "rev-parse", "origin/main") == first
    assert not (person / ".git" / "FETCH_HEAD").exists()


def test_a_persons_hooks_and_tags_stay_at_home(tmp_path: Path) -> None:
    person, bare, first = pair(tmp_path)
    hook = person / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    hook.chmod(0o755)
    git(person, "config", "push.followTags", "true")
    second = commit(person, "second")
    git(person, "tag", "-m", "mine", "mine")
    assert run(person, Push("origin", "main", second, first)).returncode == adapter.TAKEN
    assert git(bare, "tag") == ""
    assert not (tmp_path / "ran").exists()


def test_the_same_push_twice_is_one(tmp_path: Path) -> None:
    person, bare, first = pair(tmp_path)
    push = Push("origin", "main", commit(person, "second"), first)
    assert [run(person, push).returncode for _ in range(2)] == [adapter.TAKEN, adapter.TAKEN]
    assert git(bare, "rev-parse", "main") == push.new
