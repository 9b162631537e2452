"""A command that only reads writes nothing, works where nothing can be written, and sees what the reconciler sees."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from swarmgit.cli.effects import READS
from tests.calls import call

ARGUMENTS = {
    "agents show": "agents show builder-01",
    "blame": "blame api.txt:1",
    "completion": "completion bash",
    "diff": "diff",
    "events": "events --json",
    "logs": "logs api",
    "prompt": "prompt web",
    "queue show": "queue show api",
    "review show": "review show api",
    "route": "route web",
    "schema": "schema task",
    "task show": "task show api",
    "why": "why api",
    "worktree path": "worktree path api",
    "convoy show": "convoy show none",
    "experiment show": "experiment show none",
    "incident show": "incident show none",
    "mail thread": "mail thread none",
    "simulate queue": "simulate queue --help",
}
"""What a command needs to be called with."""

WITHOUT_SUBJECT = {"convoy show", "experiment show", "incident show", "mail thread", "review show", "worktree path"}
"""Commands that say that there is no such thing, or no more of it: exit code 1."""


def calls() -> list[str]:
    return [ARGUMENTS.get(name, name) for name in sorted(READS)]


def ready(repo):
    """Give a repository with history: one task has landed, one waits, one has failed."""
    repo.start()
    repo.task("api")
    repo.task("bad", "exit 3", budget={"attempts": 1})
    repo.commit()
    repo.swarmgit("reconcile", check=False)
    repo.task("web", depends_on=["bad"])
    repo.commit()
    return repo


def snapshot(root: Path) -> dict[str, tuple]:
    """Return every file with its times and content; a folder's times change when something in it is made or goes."""
    found: dict[str, tuple] = {}
    for path in (root, *sorted(root.rglob("*"))):
        facts = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        found[str(path.relative_to(root))] = (
            facts.st_mtime_ns,
            facts.st_ctime_ns,
            facts.st_ino,
            facts.st_mode,
            content,
        )
    return found


def run(repo, words: str, **given) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "swarmgit", *words.split()]
    return subprocess.run(argv, cwd=repo.root, capture_output=True, text=True, check=False, **given)


ALL = """
import contextlib, io, json, sys
from swarmgit.cli import cli
from swarmgit.cli.boundary import run
for words in json.loads(sys.argv[1]):
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(cli, words.split())
    out.flush()
    print(json.dumps([words, code, out.buffer.getvalue().decode()[-300:] + err.getvalue()[-2000:]]))
"""


def outcomes(before: tuple[str, ...], words: list[str], **given) -> dict[str, tuple[int, str]]:
    """Return exit code and last words of many commands, called one after the other in one process."""
    argv = [*before, sys.executable, "-c", ALL, json.dumps(words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **given)
    assert done.returncode == 0, done.stderr
    return {each[0]: (each[1], each[2]) for each in map(json.loads, done.stdout.splitlines())}


def read_only(where: Path) -> tuple[str, ...]:
    """Return the words that run a command where a folder is on a read-only disk."""
    mount = f'mount --bind "{where}" "{where}" && mount -o remount,bind,ro "{where}" && cd "$PWD" && exec "$@"'
    return ("unshare", "-r", "-m", "bash", "-c", mount, "bash")


def test_no_command_that_reads_changes_anything(repo) -> None:
    ready(repo)
    state = Path(os.environ["XDG_STATE_HOME"])
    for words in calls():
        before = {**snapshot(repo.root), **snapshot(state)}
        done = call(repo, *words.split(), check=False)
        after = {**snapshot(repo.root), **snapshot(state)}
        assert done.returncode in {0, 1}, (words, done)
        assert [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)] == [], words


def test_before_anything_has_run_a_look_makes_nothing(repo) -> None:
    repo.start()
    repo.task("api")
    repo.commit()
    before = snapshot(repo.root)
    for words in ("status", "why api", "plan", "fsck", "doctor", "validate", "task list", "mail list"):
        assert call(repo, *words.split()).returncode == 0
        assert snapshot(repo.root) == before, words
    assert not (repo.root / ".git/swarmgit").exists()


def has_mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    trial = ["unshare", "-r", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(trial, check=False, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_mounts(), reason="no mounts of one's own here")
def test_every_command_that_reads_works_on_a_read_only_disk(repo) -> None:
    ready(repo)
    plain = outcomes((), calls(), cwd=repo.root)
    there = outcomes(read_only(repo.root.parent), calls(), cwd=repo.root)
    doctor = there["doctor"]
    expected = {words: code for words, (code, _) in plain.items()} | {
        "doctor": 1
    }  # it says that nothing can be written
    assert {words: code for words, (code, _) in there.items()} == expected, there
    assert "bug" not in doctor[1]


@pytest.mark.slow
@pytest.mark.skipif(not has_mounts(), reason="no mounts of one's own here")
def test_commands_that_work_say_that_a_disk_is_read_only(repo) -> None:
    ready(repo)
    asked = ["reconcile", "task pause web", "freeze", "gc", "init", "doctor --fix"]
    for words, (code, said) in outcomes(read_only(repo.root.parent), asked, cwd=repo.root).items():
        assert code == 1 or (code == 0 and words in {"gc", "init", "doctor --fix"}), (words, said)
        assert "bug" not in said, (words, said)
        assert code == 0 or "read-only" in said.lower(), (words, said)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be somebody else")
def test_another_user_reads_or_is_told_what_git_asks_for(repo, tmp_path: Path) -> None:
    ready(repo)
    scratch = Path(tempfile.gettempdir())
    if not all(folder.stat().st_mode & 0o001 for folder in (scratch, *scratch.parents)):
        pytest.skip("another user cannot get to the folder for temporary files")
    for folder in (repo.root, *repo.root.parents):
        if folder.is_relative_to(scratch) and folder != scratch:
            folder.chmod(folder.stat().st_mode | 0o055)
    home = tmp_path / "other"
    home.mkdir()
    home.chmod(0o777)
    env = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-m", "swarmgit"]
    first = subprocess.run([*other, "status"], cwd=repo.root, env=env, capture_output=True, text=True, check=False)
    if (
        ("swarmgit" in first.stderr and "No module" in first.stderr)
        or "can't open" in first.stderr
        or first.returncode == 126
    ):
        pytest.skip("another user cannot run this Python")
    assert first.returncode == 1
    assert "git does not trust" in first.stderr
    assert "safe.directory" in first.stderr

    (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
    before = snapshot(repo.root)
    asked = ["status", "why api", "plan", "fsck", "doctor", "validate", "task list", "queue", "mail list", "events"]
    for words, (code, said) in outcomes(tuple(other[:-3]), asked, cwd=repo.root, env=env).items():
        assert code in {0, 1}, (words, said)
        assert "bug" not in said, (words, said)
    assert snapshot(repo.root) == before


@pytest.mark.default_cases("change0")
@pytest.mark.parametrize("change", [{"PATH": "/usr/bin:/bin"}, {"HOME": "/nonexistent"}, {"XDG_STATE_HOME": "/nonexistent"},
                                    {"LC_ALL": "C", "TZ": "Asia/Tokyo"}, {"VIRTUAL_ENV": "/nonexistent"}])  # fmt: skip
def test_what_status_says_does_not_hang_on_the_shell_that_asks(repo, change: dict[str, str]) -> None:
    repo.gates.append({"name": "odd", "run": "false"})
    repo.start()
    repo.task("api", budget={"attempts": 1})
    repo.commit()
    repo.swarmgit("reconcile", check=False)
    here = run(repo, "status --json").stdout
    there = run(repo, "status --json", env={**os.environ, **change}).stdout
    without_time = [[line for line in said.splitlines() if '"at":' not in line] for said in (here, there)]
    assert without_time[0] == without_time[1]
    assert run(repo, "why api").stdout == run(repo, "why api", env={**os.environ, **change}).stdout
