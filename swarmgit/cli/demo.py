"""`demo`: the whole of swarmgit in a few seconds, in a scratch repository."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from swarmgit.cli.output import Settings, quiet_option, say


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Play in this new or empty folder; by default in a new one below the temporary folder.",
)
@quiet_option
@click.pass_obj
def demo(settings: Settings, folder: Path | None, quiet: bool) -> int:
    """Run a complete offline tour in a scratch repository that is kept (exit code 1: it did not end as it should)."""
    from swarmgit.adapters.git.scratch import ScratchRepository
    from swarmgit.adapters.interrupt import on_interrupt
    from swarmgit.app import demo as theatre
    from swarmgit.cli.progress import open_progress
    from swarmgit.cli.render_demo import INTERRUPTED, cut_short, epilogue, prologue
    from swarmgit.wiring import open_world

    stage = theatre.prepare(folder, settings.environ)
    repository = ScratchRepository(stage.repository, stage.environ)
    theatre.set_up(stage, repository)
    say("" if quiet else prologue(stage))
    world = open_world(stage.repository, stage.environ, lead=True)
    interrupted = threading.Event()
    with on_interrupt(interrupted, INTERRUPTED), open_progress(settings, quiet=quiet) as heard:
        ending = theatre.play(world, stage, heard[0], interrupted)
    if interrupted.is_set():
        say(cut_short(stage))
        return ending.result.code
    say(epilogue(ending, repository.history("main"), settings.width))
    return 0 if ending.is_as_expected else 1
