"""Brakes, and where a session's files are: stop, freeze, thaw, worktree."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, note, say


@click.command()
@click.argument("session")
@click.pass_obj
def stop(settings: Settings, session: str) -> None:
    """Stop SESSION with all its processes and pause its task; what it did is kept."""
    from swarmgit.app.control import stop as stop_session
    from swarmgit.cli.render_run import stopped

    note(settings, stopped(stop_session(settings.world(), session, settings.person)))


@click.command()
@click.option("--reason", default="", metavar="TEXT", help="Why; shown by status.")
@click.pass_obj
def freeze(settings: Settings, reason: str) -> None:
    """Stop all new work and all landings until thaw; sessions that run go on."""
    from swarmgit.app.control import freeze as put_brake

    put_brake(settings.world(), settings.person, reason)
    note(settings, "frozen: nothing starts and nothing lands until 'swarmgit thaw'; running sessions go on")


@click.command()
@click.pass_obj
def thaw(settings: Settings) -> None:
    """Lift a freeze."""
    from swarmgit.app.control import thaw as lift_brake

    was_frozen = lift_brake(settings.world())
    note(settings, "thawed; go on with 'swarmgit reconcile'" if was_frozen else "there was no freeze")


@click.group()
def worktree() -> None:
    """Say where a session's files are."""


@worktree.command("path")
@click.argument("session")
@click.option("--unsafe", is_flag=True, hidden=True)
@click.pass_obj
def worktree_path(settings: Settings, session: str, unsafe: bool) -> None:
    """Say how to look at what SESSION has. Its worktree holds git settings of the agent's, which you would run."""
    from swarmgit.app.sessions import worktree_of

    found = worktree_of(settings.reading(), session, is_asked_twice=unsafe)
    say(str(found.path))
    if found.is_live:
        note(settings, f"warning: session {found.session} is at work there; what you change becomes part of its work")
