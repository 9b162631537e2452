"""`agents`, `route` and `blame`: who did what, and who would."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, say, say_json


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def agents(context: click.Context, as_json: bool) -> None:
    """Show the agents and what they have achieved, by verified outcomes only."""
    if context.invoked_subcommand is None:
        _list(context.obj, as_json=as_json)


def _list(settings: Settings, *, as_json: bool) -> None:
    from swarmgit.app.look import look
    from swarmgit.app.views.agents import agents_document
    from swarmgit.cli.render_agents import agents_text

    document = agents_document(look(settings.reading()))
    if as_json:
        say_json(document)
    else:
        say(agents_text(document, settings.width))


@agents.command()
@click.argument("name")
@json_option
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show one agent's record."""
    from swarmgit.app.look import look
    from swarmgit.app.views.agents import agent_document
    from swarmgit.cli.render_agents import agent_text

    document = agent_document(look(settings.reading()), name)
    if as_json:
        say_json(document)
    else:
        say(agent_text(document))


@click.command()
@click.argument("task")
@json_option
@click.pass_obj
def route(settings: Settings, task: str, as_json: bool) -> None:
    """Say which agent would make TASK's next attempt if it started now, with the numbers."""
    from swarmgit.app.look import look
    from swarmgit.app.routes import routed
    from swarmgit.app.views.routes import route_document
    from swarmgit.cli.render_agents import route_text

    document = route_document(*routed(look(settings.reading()), task))
    if as_json:
        say_json(document)
    else:
        say(route_text(document, settings.width))


@click.command()
@click.argument("place", metavar="PATH:LINE")
@click.option("--rev", default=None, metavar="REV", help="In this revision; by default the target branch.")
@json_option
@click.pass_obj
def blame(settings: Settings, place: str, rev: str | None, as_json: bool) -> None:
    """Say which agent, task, model and session wrote a line, and at what price."""
    from swarmgit.adapters.git import person
    from swarmgit.app.attribution import attribute, parse_place
    from swarmgit.cli.render_agents import blame_text

    world = settings.reading()
    asked = parse_place(place, settings.cwd.resolve(), world.repository.top)
    answer = attribute(world, asked, rev, lambda *where: person.blame(world.repository.common_dir, *where).commit)
    if as_json:
        say_json(answer)
    else:
        say(blame_text(answer))
