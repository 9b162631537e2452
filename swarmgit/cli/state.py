"""`state`: the history of what swarmgit knows, and the one way to move it on purpose."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, note, say
from swarmgit.cli.trail import diff, log


@click.group()
def state() -> None:
    """Show the history of the state branch, or move it on purpose."""


state.add_command(log)
state.add_command(diff)


@state.command()
@click.argument("to", metavar="kept|present|empty|REV")
@click.pass_obj
def reset(settings: Settings, to: str) -> None:
    """Move the state branch: to what was written here last (kept), nowhere, so that what is there counts (present),
    to nothing, so that it begins anew (empty), or back to one of its commits (REV as in 'swarmgit log').

    What it was before stays under refs/swarm/kept/states. What has landed does not land again.
    """
    from swarmgit.app.state_reset import reset as reset_state

    settings.refuse_sessions("state reset")
    done = reset_state(settings.world(), to)
    say(done.commit or "the next reconcile begins the state branch anew")
    note(settings, "".join(f"what it was is kept as {ref}\n" for ref in done.put_aside) + "go on: swarmgit reconcile")
