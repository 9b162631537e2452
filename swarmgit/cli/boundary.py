"""The one error boundary: every failure becomes words on standard error and a fixed exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from swarmgit.cli.streams import ClosedPipe, FullOutput
from swarmgit.documents import quoting
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.faults import fault_of

BUG = 3
USAGE = 2
INTERRUPTED = 130
NOBODY_READS = 141
"""What a shell says of a program that a closed pipe has ended; git answers alike."""


def run(command: click.Command, args: list[str] | None = None) -> int:
    """Run `command` and return the exit code.

    0 done, 1 a person must act, 2 usage, 3 bug, 130 interrupted, 141 nobody reads what a command shows.
    """
    try:
        code = command.main(args=args, prog_name="swarmgit", standalone_mode=False)
        _flush()
    except click.ClickException as error:
        error.show()
        return USAGE
    except SwarmError as error:
        return _expected(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except ClosedPipe:
        return NOBODY_READS
    except FullOutput as error:
        return _expected(PersonMustAct(f"standard output cannot be written: {error}"))
    except Exception as error:  # noqa: BLE001  the boundary: whatever is not expected is a bug of ours
        fault = fault_of(error)
        _show_traceback(error)
        return _expected(fault) if fault is not None else _bug(error)
    return code if isinstance(code, int) else 0


def _expected(error: SwarmError) -> int:
    click.echo(quoting.terminal(f"error: {error.message}"), err=True)
    if error.hint:
        click.echo(quoting.terminal(f"hint: {error.hint}"), err=True)
    return error.exit_code


def _show_traceback(error: Exception) -> None:
    import traceback

    if os.environ.get("SWARMGIT_TRACEBACK") == "1":
        click.echo("".join(traceback.format_exception(error)), err=True)


def _bug(error: Exception) -> int:
    import traceback

    text = "".join(traceback.format_exception(error))
    click.echo(f"error: this is a bug in swarmgit: {type(error).__name__}: {error}", err=True)
    try:
        click.echo(f"hint: please report it with the traceback, which is in {_keep(text)}", err=True)
    except OSError:
        click.echo(text, err=True)
    return BUG


def _keep(text: str) -> Path:
    """Write the traceback where this repository's live folder is, else into the temporary folder."""
    import tempfile

    run_link = Path(".swarm/run")
    folder = run_link if run_link.is_dir() else None
    handle, name = tempfile.mkstemp(prefix="swarmgit-bug-", suffix=".txt", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name).absolute()


def _flush() -> None:
    """Find out about a closed pipe now, and not while the interpreter ends."""
    sys.stdout.flush()
