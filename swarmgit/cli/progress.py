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
    from swarmgit.app.run import TickReport

OnTick = Callable[["TickReport"], None]
ROWS_MAX = 30


@contextmanager
def open_progress(settings: Settings, *, quiet: bool) -> Iterator[OnTick]:
    """Give what takes each tick's report. It is what `reconcile` has to say, so it goes to standard output."""
    if quiet or settings.is_quiet:
        yield lambda _report: None
    elif settings.has_colour:
        with _live() as on_tick:
            yield on_tick
    else:
        yield _plain()


def _plain() -> OnTick:
    narrator = Narrator()

    def on_tick(report: TickReport) -> None:
        for each in narrator.lines(report):
            click.echo(each)

    return on_tick


@contextmanager
def _live() -> Iterator[OnTick]:
    from rich.console import Console
    from rich.live import Live

    console, narrator = Console(highlight=False), Narrator()
    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def on_tick(report: TickReport) -> None:
            for each in narrator.lines(report):
                console.print(each, markup=False)
            live.update(unfinished(report.look))

        yield on_tick


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
