"""Commands that look at the whole: plan, status, why, prompt."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, say, say_json


@click.command()
@json_option
@click.pass_obj
def plan(settings: Settings, as_json: bool) -> int:
    """Show what a tick would do and why, and do none of it."""
    from swarmgit.app.look import look
    from swarmgit.app.views.plan import plan_document
    from swarmgit.cli.render import plan_text

    seen = look(settings.reading())
    if as_json:
        say_json(plan_document(seen))
    else:
        say(plan_text(plan_document(seen), settings.width))
    return 1 if seen.desired.swarm is None else 0


@click.command()
@click.option("--at", metavar="REV", help="As it was: a revision of the state branch, or a time such as '2 hours ago'.")
@json_option
@click.pass_obj
def status(settings: Settings, at: str | None, as_json: bool) -> None:
    """Show tasks, sessions and the queue."""
    from swarmgit.app.look import broken_mail, look
    from swarmgit.app.revisions import state_commit
    from swarmgit.app.views.status import status_document
    from swarmgit.cli.render import status_text

    world = settings.reading()
    seen = look(world, state_commit(world, at) if at else None)
    document = status_document(seen, world.sandbox.describe(seen.desired.policy).text, broken_mail(world, seen))
    if as_json:
        say_json(document)
    else:
        say(status_text(document, settings.width, colour=settings.has_colour))


@click.command()
@click.argument("task")
@json_option
@click.pass_obj
def why(settings: Settings, task: str, as_json: bool) -> None:
    """Explain TASK's present phase, and what to do about it."""
    from swarmgit.app.look import look
    from swarmgit.app.why import explain

    answer = explain(look(settings.reading()), task)
    if as_json:
        say_json(answer.document())
    else:
        say(answer.text())


@click.command()
@click.argument("task")
@click.pass_obj
def prompt(settings: Settings, task: str) -> None:
    """Print exactly what an agent would get for TASK."""
    from swarmgit.app.look import look
    from swarmgit.app.prompt import prompt_text

    say(prompt_text(look(settings.reading()), task))
