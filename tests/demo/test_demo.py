"""`swarmgit demo` as a process of its own: what it leaves behind, what it says, and what it does not touch."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from swarmgit.model.endings import Stop
from swarmgit.wiring import open_world

LANDED = {"count-words", "report", "search-index", "slugify", "title-case", "wrap-text"}
TASKS = LANDED | {"docstrings", "quiet-lint"}


@dataclass(frozen=True)
class Played:
    """One demo in an environment with nothing but PATH, started where there is no repository."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "tally"

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.repository, capture_output=True, text=True, check=True, env=bare_environment()
        )
        return done.stdout.strip()

    def swarmgit(self, *args: str) -> subprocess.CompletedProcess[str]:
        return run_swarmgit(*args, cwd=self.repository)


def bare_environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


def run_swarmgit(*args: str, cwd: Path, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swarmgit", *args],
        cwd=cwd,
        env=environ or bare_environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder = tmp_path_factory.mktemp("scratch") / "with a space"
    done = run_swarmgit("demo", "--dir", str(folder), cwd=elsewhere)
    assert list(elsewhere.iterdir()) == []
    return Played(done.returncode, done.stdout, done.stderr, folder)


def test_the_demo_ends_as_it_should(played: Played) -> None:
    assert (played.code, played.err) == (0, ""), played.out
    assert "FAIL" not in played.out


def test_six_tasks_land_and_nothing_else(played: Played) -> None:
    out = played.git("log", "--first-parent", "--format=%(trailers:key=Swarm-Task,valueonly)", "main")
    assert sorted(line for line in out.splitlines() if line) == sorted(LANDED)


def test_what_landed_says_which_agent_made_it(played: Played) -> None:
    names = played.git("log", "--no-merges", "--format=%an", "HEAD~6..HEAD", "--", "src").splitlines()
    assert names
    assert all(re.fullmatch(r"builder-\d\d", name) for name in names)


def test_the_result_passes_the_projects_own_tests(played: Played) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"],
        cwd=played.repository,
        env={**bare_environment(), "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Ran 9 tests" in done.stderr


def test_both_agents_that_shared_a_line_are_in_it(played: Played) -> None:
    registry = played.git("show", "main:src/tally/registry.py")
    assert '"title"' in registry
    assert '"wrap"' in registry


def test_the_refused_work_is_kept_and_the_linter_is_as_it_was(played: Played) -> None:
    assert "SystemExit(0)" not in played.git("show", "main:tools/lint.py")
    refs = played.git("for-each-ref", "--format=%(refname)", "refs/swarm/salvage/quiet-lint").splitlines()
    assert len(refs) == 2
    assert "SystemExit(0)" in played.git("show", f"{refs[0]}:tools/lint.py")


def test_the_persons_checkout_is_clean_and_at_the_target(played: Played) -> None:
    assert played.git("status", "--porcelain") == ""
    assert played.git("rev-parse", "HEAD") == played.git("rev-parse", "main")


def test_the_end_names_the_repository_the_tasks_and_the_commands_to_look_further(played: Played) -> None:
    assert f"cd '{played.repository}'" in played.out
    assert all(task in played.out for task in TASKS)
    assert "git log --stat swarm/state" in played.out
    assert "git -C .swarm/state diff HEAD~3" in played.out
    assert played.out.count(" by builder-") == len(LANDED)


def test_every_command_that_the_end_names_works(played: Played) -> None:
    section = played.out.partition("Look further\n")[2]
    commands = [line.split("#")[0].split() for line in section.splitlines() if line.startswith(("git ", "swarmgit "))]
    assert len(commands) >= 9
    for program, *arguments in commands:
        if program == "git":
            assert played.git(*arguments), arguments
        else:
            done = played.swarmgit(*arguments)
            assert (done.returncode, bool(done.stdout)) == (0, True), (arguments, done.stderr)


def test_an_interrupted_demo_says_so_and_where_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "swarmgit", "demo", "--dir", str(tmp_path / "new")]
    with subprocess.Popen(command, cwd=tmp_path, env=bare_environment(), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        next(line for line in running.stdout if " start " in line)
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        code = running.wait()
    assert code == 130
    assert "the demo was cut short" in rest
    assert "What happened" not in rest
    stop_sessions(tmp_path / "new" / "tally")


def stop_sessions(repository: Path) -> None:
    """End what an interrupted run has left at work, as any user of the process port does."""
    environ = {**bare_environment(), "HOME": str(repository.parent / "home")}
    world = open_world(repository, environ)
    sessions = list(world.executor.poll())
    for _ in range(100):
        states = world.executor.poll(sessions)
        live = [session for session, job in states.items() if job.state in {"queued", "running"}]
        if not live:
            break
        for session in live:
            world.executor.cancel(session, Stop("the test is over"), 0.0)
        time.sleep(0.05)
    world.close()


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine\n")
    done = run_swarmgit("demo", "--dir", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_a_hostile_environment_changes_nothing(tmp_path: Path) -> None:
    # given a person's repository, and settings that would lead every git call into it or to a program
    mine = tmp_path / "mine"
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", str(mine)], check=True)
    (home / ".gitconfig").write_text(
        "[commit]\n\tgpgsign = true\n[core]\n\thooksPath = /nonexistent\n\tautocrlf = true\n"
    )
    before = sorted((path, path.stat().st_mtime_ns) for path in mine.rglob("*"))
    hostile = {
        **bare_environment(),
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        "GIT_DIR": str(mine / ".git"),
        "GIT_WORK_TREE": str(mine),
        "GIT_INDEX_FILE": str(mine / ".git" / "index"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": "/bin/false",
        "GIT_EDITOR": "/bin/false",
        "XDG_STATE_HOME": "relative",
        "PYTHONPATH": "/nonexistent",
        "LC_ALL": "C",
    }

    # when the demo is played in there
    done = run_swarmgit("demo", cwd=mine, environ=hostile)

    # then it ends as it should, below the temporary folder, and the person's things are as they were
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name.startswith("swarmgit-demo-") for path in tmp_path.iterdir()].count(True) == 1
    assert sorted((path, path.stat().st_mtime_ns) for path in mine.rglob("*")) == before
    assert [path.name for path in home.iterdir()] == [".gitconfig"]
