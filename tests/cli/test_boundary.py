"""Every failure becomes words on standard error and a fixed exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from swarmgit.cli import cli
from swarmgit.cli.boundary import run
from swarmgit.errors import PersonMustAct, TryLater, WrongUsage


def failing(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [(PersonMustAct("no target", "swarmgit init"), 1), (TryLater("busy"), 1), (WrongUsage("no place"), 2)],
)
def test_an_expected_error_is_a_sentence_with_its_code(error, code, capsys) -> None:
    assert run(failing(error), []) == code
    told = capsys.readouterr().err
    assert told.startswith(f"error: {error.message}\n")
    assert ("hint: swarmgit init" in told) == (error.hint is not None)


def test_an_interrupt_is_130(capsys) -> None:
    assert run(failing(KeyboardInterrupt()), []) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_bug_is_3_and_its_traceback_is_kept_in_a_file(capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(failing(ZeroDivisionError("oh")), []) == 3
    told = capsys.readouterr().err
    assert "this is a bug in swarmgit: ZeroDivisionError: oh" in told
    assert "Traceback" not in told
    kept = Path(told.rsplit(" ", 1)[-1].strip())
    assert "ZeroDivisionError: oh" in kept.read_text()


def test_a_bug_shows_its_traceback_where_that_was_asked_for(capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SWARMGIT_TRACEBACK", "1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(failing(ZeroDivisionError("oh")), []) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_in_a_repository_is_kept_in_the_live_folder(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / ".swarm/run").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    run(failing(ZeroDivisionError("oh")), [])
    assert len(list((tmp_path / ".swarm/run").iterdir())) == 1
    assert ".swarm/run/swarmgit-bug-" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["nosuch"], ["status", "--nosuch"], ["why"], ["-C", "/nonexistent", "status"]])
def test_a_wrong_command_line_is_2(args, capsys) -> None:
    assert run(cli, args) == 2
    assert "Usage:" in capsys.readouterr().err


def test_a_mistyped_command_gets_a_guess(capsys) -> None:
    run(cli, ["statsu"])
    assert "No such command 'statsu'. Did you mean 'status'?" in capsys.readouterr().err


def test_outside_a_repository_a_person_is_told_so(tmp_path: Path, capsys) -> None:
    assert run(cli, ["-C", str(tmp_path), "status"]) == 1
    assert capsys.readouterr().err.endswith("is not in a git repository\nhint: git init\n")


def test_a_closed_pipe_is_quiet() -> None:
    command = f"{sys.executable} -m swarmgit schema task | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_completion_script_is_clicks(capsys) -> None:
    assert run(cli, ["completion", "bash"]) == 0
    assert "_SWARMGIT_COMPLETE=bash_complete" in capsys.readouterr().out
