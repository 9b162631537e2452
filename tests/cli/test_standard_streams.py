"""Exit codes do not lie when the output goes nowhere: a closed pipe, a full disk, a missing descriptor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SWARMGIT = [sys.executable, "-m", "swarmgit"]


def into_closed_pipe(repo, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard output nobody reads from the beginning."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [*SWARMGIT, *args], cwd=repo.root, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)


def into_full_disk(repo, *args: str) -> subprocess.CompletedProcess[str]:
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [*SWARMGIT, *args], cwd=repo.root, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )


def prepared(repo, script: str = "echo api > api.txt"):
    repo.start()
    repo.task("api", script)
    repo.commit()
    return repo


def landed(repo) -> bool:
    return repo.git("cat-file", "-e", "main:api.txt", check=False) == "" and "api.txt" in repo.git("ls-files")


def test_reconcile_into_a_closed_pipe_does_its_work_to_the_end_and_is_quiet(repo) -> None:
    done = into_closed_pipe(prepared(repo), "reconcile")
    assert (done.returncode, done.stderr) == (0, "")
    assert landed(repo)


def test_reconcile_into_a_closed_pipe_ends_with_the_code_of_its_work(repo) -> None:
    assert into_closed_pipe(prepared(repo, "exit 7"), "reconcile").returncode == 4


@pytest.mark.slow
def test_reconcile_with_a_reader_that_leaves_after_one_line_goes_on(repo) -> None:
    prepared(repo)
    command = f"{sys.executable} -m swarmgit reconcile | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=repo.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert landed(repo)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_reconcile_onto_a_full_disk_says_so_once_and_does_its_work(repo) -> None:
    done = into_full_disk(prepared(repo), "reconcile")
    assert done.returncode == 0
    assert done.stderr == (
        "warning: standard output cannot be written (No space left on device); the work goes on without it\n"
    )
    assert landed(repo)


@pytest.mark.default_cases("<&- >&- 2>&-")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_reconcile_without_standard_streams_does_its_work(repo, closed: str) -> None:
    prepared(repo)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m swarmgit reconcile {closed}"], cwd=repo.root, check=False
    )
    assert done.returncode == 0
    assert landed(repo)


@pytest.mark.default_cases("args1", "args2")
@pytest.mark.parametrize("args", [("status",), ("doctor", "--json"), ("fsck",), ("schema", "task"), ("--help",)])
def test_a_command_that_shows_something_ends_at_a_closed_pipe_as_git_does(repo, args) -> None:
    done = into_closed_pipe(prepared(repo), *args)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("args", [("status",), ("doctor", "--json"), ("schema", "task")])
def test_a_command_that_cannot_show_what_it_should_says_so(repo, args) -> None:
    done = into_full_disk(prepared(repo), *args)
    assert (done.returncode, done.stderr) == (
        1,
        "error: standard output cannot be written: No space left on device\n",
    )


def test_a_request_into_a_closed_pipe_is_carried_out(repo) -> None:
    assert into_closed_pipe(prepared(repo), "task", "pause", "api").returncode == 0
    assert "paused" in repo.swarmgit("why", "api").stdout


@pytest.mark.default_cases("locale1")
@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_words_that_the_terminal_cannot_show_are_escaped_and_json_stays_json(repo, locale) -> None:
    repo.start()
    repo.task("api", title="Größe → 😀")
    repo.commit()
    shown = subprocess.run(
        [*SWARMGIT, "status"], cwd=repo.root, env={**os.environ, **locale}, capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    data = subprocess.run(
        [*SWARMGIT, "status", "--json"], cwd=repo.root, env={**os.environ, **locale}, capture_output=True, check=False
    )
    assert data.returncode == 0
    assert json.loads(data.stdout)["tasks"][0]["title"] == "Größe → 😀"
