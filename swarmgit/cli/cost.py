"""`cost`: what was spent."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, say, say_json


@click.command()
@click.option(
    "--by",
    type=click.Choice(["task", "agent", "model", "convoy", "day"]),
    default="task",
    show_default=True,
    help="What to add up by.",
)
@json_option
@click.pass_obj
def cost(settings: Settings, by: str, as_json: bool) -> None:
    """Show what was spent: tokens by kind and US dollars, where a price is known."""
    from swarmgit.app.cost import cost as spent
    from swarmgit.app.look import look
    from swarmgit.cli.render_cost import cost_text

    world = settings.reading()
    document = spent(world.objects, look(world))
    if as_json:
        say_json(document)
    else:
        say(cost_text(document, by, settings.width))
