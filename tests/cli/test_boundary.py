"""Every failure becomes words on standard error and a fixed exit code."""

from __future__ import annotations

import errno
from pathlib import Path
from types import MappingProxyType

import click
import pytest

from swarmgit.cli import cli
from swarmgit.cli.boundary import run
from swarmgit.cli.lazy import LazyGroup
from swarmgit.errors import PersonMustAct, TryLater, WrongUsage
from swarmgit.model.faults import fault_of


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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "x", "/a/b"), "error: no space is left on the disk: /a/b\nhint: make room"),
        (OSError(errno.EDQUOT, "x"), "error: your disk quota is used up\nhint: make room"),
        (OSError(errno.EMFILE, "x"), "error: this process may open no more files\nhint: allow more: ulimit -n"),
        (
            PermissionError(errno.EACCES, "x", "/a/b"),
            "error: permission denied: /a/b\nhint: see who owns it: ls -ld /a/b",
        ),
        (OSError(errno.EROFS, "x", "/a/b"), "error: the file system is read-only: /a/b\nhint: mount"),
        (OSError(errno.EIO, "x"), "error: the disk or terminal gives errors\nhint:"),
        (BlockingIOError(errno.EAGAIN, "x"), "error: this machine starts no more processes for you\nhint:"),
        (FileNotFoundError(errno.ENOENT, "x", "git"), "error: git is not installed, or not on PATH\nhint:"),
        (FileNotFoundError(errno.ENOENT, "x"), "error: the folder that this command was started in is gone\nhint: cd"),
        (MemoryError(), "error: there is not enough memory\nhint:"),
    ],
)
def test_what_the_machine_refuses_is_a_sentence_and_no_bug(error, words, capsys) -> None:
    assert run(failing(error), []) == 1
    assert capsys.readouterr().err.startswith(words)


def test_the_pipe_of_a_program_that_ended_is_not_taken_for_our_own_output() -> None:
    fault = fault_of(BrokenPipeError(errno.EPIPE, "x"))
    assert fault is not None
    assert fault.message == "a program that swarmgit talks to ended in the middle"

    class Talks(LazyGroup):
        def list_commands(self, ctx):
            return ["talk"]

        def get_command(self, ctx, cmd_name):
            return failing(BrokenPipeError(errno.EPIPE, "x"))

        commands_at = MappingProxyType({"talk": ("", "")})

    assert run(Talks(), ["talk"]) == 1


def test_an_error_of_the_system_that_nobody_can_act_on_is_a_bug(capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(failing(OSError(errno.EINVAL, "x")), []) == 3


def test_the_completion_script_is_clicks(capsys) -> None:
    assert run(cli, ["completion", "bash"]) == 0
    assert "_SWARMGIT_COMPLETE=bash_complete" in capsys.readouterr().out
