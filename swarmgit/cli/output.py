"""Where a command's words go: data to standard output, notes to standard error."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from swarmgit.documents import quoting

if TYPE_CHECKING:
    from swarmgit.ports.world import ReadWorld, World


Opened = TypeVar("Opened", bound="ReadWorld")


class Settings(NamedTuple):
    """What the command line was started with. `width`: columns of the terminal, None where there is none."""

    cwd: Path
    is_quiet: bool
    has_colour: bool
    width: int | None
    environ: Mapping[str, str]

    def reading(self) -> ReadWorld:
        """Open the repository around us for a command that writes nothing."""
        from swarmgit.wiring import open_reading

        return _closed_later(open_reading(self.cwd.resolve(), self.environ))

    def world(self, *, lead: bool = False) -> World:
        """Open the repository around us; `lead`: take the reconciler's lock, or say who has it."""
        from swarmgit.wiring import open_world

        return _closed_later(open_world(self.cwd.resolve(), self.environ, lead=lead))

    @property
    def person(self) -> str:
        """Who gives the command, as far as the machine knows."""
        return self.environ.get("USER") or self.environ.get("LOGNAME") or "person"

    def refuse_sessions(self, command: str) -> None:
        """Raise PersonMustAct inside a session: what `command` answers is a person's to say."""
        if self.environ.get("SWARM_SESSION"):
            from swarmgit.errors import PersonMustAct

            raise PersonMustAct(f"'swarmgit {command}' is for people, not for sessions", "swarmgit mail send human")


def _closed_later(world: Opened) -> Opened:
    """Close a world when the command ends."""
    click.get_current_context().call_on_close(world.close)
    return world


def settings_from(cwd: Path, *, quiet: bool) -> Settings:
    """Read the process's surroundings once."""
    is_terminal = sys.stdout.isatty()
    has_colour = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = _columns() if is_terminal else None
    return Settings(cwd, quiet, has_colour, width, dict(os.environ))


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def say(text: str) -> None:
    """Print data. An empty text prints nothing."""
    if text:
        click.echo(quoting.terminal(text), color=True)


def note(settings: Settings, text: str) -> None:
    """Print a remark for a person, on standard error, unless they asked for quiet."""
    if text and not settings.is_quiet:
        click.echo(quoting.terminal(text), err=True)


def say_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document, in the key order it was built in."""
    import json

    is_narrow = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
    click.echo(quoting.in_json(json.dumps(document, indent=2, ensure_ascii=is_narrow, default=str)))


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document with a stable shape.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print only what was asked for and what went wrong.")
