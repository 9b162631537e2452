"""`reconcile`'s progress: a live table on a terminal, one plain line per event elsewhere, nothing when quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from swarmgit.cli.output import Settings
from swarmgit.cli.render_run import Narrator

if TYPE_CHECKING:
    from rich.table import Table

    from swarmgit.app.look import Look
    from swarmgit.app.run import TickReport, Trouble

OnTick = Callable[["TickReport"], None]
OnTrouble = Callable[["Trouble"], None]
ROWS_MAX = 30


@contextmanager
def open_progress(settings: Settings, *, quiet: bool) -> Iterator[tuple[OnTick, OnTrouble]]:
    """Give what takes each tick's report, which is what `reconcile` has to say (standard output), and each trouble."""
    if quiet or settings.is_quiet:
        yield (lambda _report: None), _troubles(Narrator())
    elif settings.has_colour:
        with _live() as heard:
            yield heard
    else:
        narrator = Narrator()
        yield _plain(narrator), _troubles(narrator)


def _troubles(narrator: Narrator) -> OnTrouble:
    """Return what writes troubles to standard error, also where nothing else is said."""

    def on_trouble(trouble: Trouble) -> None:
        for each in narrator.trouble(trouble):
            click.echo(each, err=True)

    return on_trouble


def _plain(narrator: Narrator) -> OnTick:
    def on_tick(report: TickReport) -> None:
        for each in narrator.lines(report):
            click.echo(each)

    return on_tick


@contextmanager
def _live() -> Iterator[tuple[OnTick, OnTrouble]]:
    from rich.console import Console
    from rich.live import Live

    console, narrator = Console(highlight=False), Narrator()
    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def on_tick(report: TickReport) -> None:
            for each in narrator.lines(report):
                console.print(each, markup=False)
            live.update(unfinished(report.look))

        yield on_tick, _troubles(narrator)


def unfinished(look: Look) -> Table:
    """Return the unfinished tasks as a compact table: those at work first."""
    from rich.table import Table
    from rich.text import Text

    from swarmgit.app.views.tasks import statuses
    from swarmgit.cli.render import COLOUR
    from swarmgit.documents import quoting
    from swarmgit.model.status import FINISHED

    names = {"36": "cyan", "32": "green", "33": "yellow", "31": "red", "2": "dim"}
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "phase", "agent", "why"):
        grid.add_column(column, no_wrap=True, overflow="ellipsis")
    left = [status for status in statuses(look).values() if status.phase not in FINISHED]
    left.sort(key=lambda status: (status.phase in {"waiting", "failed"}, status.task))
    for status in left[:ROWS_MAX]:
        style = names.get(COLOUR.get(status.phase, ""), "")
        agent = status.last.agent if status.last else "-"
        grid.add_row(quoting.line(status.task), Text(status.phase, style), agent, Text(quoting.line(status.reason)))
    if len(left) > ROWS_MAX:
        grid.add_row(f"and {len(left) - ROWS_MAX} more", "", "", "")
    return grid
