"""`reconcile`: the main job."""

from __future__ import annotations

import threading
from typing import Literal

import click

from swarmgit.cli.output import Settings, quiet_option, say


@click.command()
@click.option("--once", "mode", flag_value="once", help="Do one tick.")
@click.option("--watch", "mode", flag_value="watch", help="Stay, and act on every change.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), metavar="S", help="Leave after S seconds.")
@click.option("--task", "tasks", multiple=True, metavar="ID", help="Start only this task; may be repeated.")
@click.option("--now", is_flag=True, help="Apply changed task files at once, also to running sessions.")
@quiet_option
@click.pass_obj
def reconcile(
    settings: Settings,
    mode: Literal["once", "watch"] | None,
    timeout_s: float | None,
    tasks: tuple[str, ...],
    now: bool,
    quiet: bool,
) -> int:
    """Bring the world to what the committed tasks ask for, until nothing is left to do or only people can act."""
    from swarmgit.adapters.interrupt import end_process, on_interrupt
    from swarmgit.app.names import named_tasks as named
    from swarmgit.app.run import Options
    from swarmgit.app.run import reconcile as run
    from swarmgit.cli.progress import open_progress
    from swarmgit.cli.render_run import INTERRUPTED, summary

    interrupted = threading.Event()
    with on_interrupt(interrupted, INTERRUPTED):  # before the lock is taken: from then on others see that it runs
        world = settings.world(lead=True)
        options = Options(mode=mode or "settle", timeout_s=timeout_s, only=named(world, tasks), now=now)
        with open_progress(settings, quiet=quiet) as heard:
            result = run(world, options, heard[0], interrupted, heard[1])
    say("" if quiet or settings.is_quiet else summary(result))
    if result.is_hung:
        end_process(int(result.code))
    return int(result.code)
