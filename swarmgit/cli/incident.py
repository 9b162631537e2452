"""`incident`: what went wrong, and what people found out about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json
from swarmgit.cli.table import minute, table
from swarmgit.documents import quoting

LATER = "the next tick writes it: swarmgit reconcile"


@click.group()
def incident() -> None:
    """Show incidents, add what you found, and close them."""


@incident.command("list")
@click.option("--all", "is_all", is_flag=True, help="Closed ones too.")
@json_option
@click.pass_obj
def list_incidents(settings: Settings, is_all: bool, as_json: bool) -> None:
    """List the open incidents, oldest first."""
    from swarmgit.app.incidents import listed
    from swarmgit.app.views.incidents import incidents_document

    document = incidents_document(listed(settings.reading(), is_all=is_all))
    if as_json:
        say_json(document)
    else:
        say(_list_text(document["incidents"], settings.width))


def _list_text(incidents: Sequence[Mapping[str, Any]], width: int | None) -> str:
    rows = [(each["id"], each["state"], _times(each), minute(each["last"])[5:], each["title"]) for each in incidents]
    return table(("incident", "state", "times", "last (UTC)", "what"), rows, width) if rows else "no incidents"


def _times(row: Mapping[str, Any]) -> str:
    return f"{'at least ' if row['is_at_least'] else ''}{row['count']}"


@incident.command("show")
@click.argument("id")
@json_option
@click.pass_obj
def show(settings: Settings, id: str, as_json: bool) -> None:  # noqa: A002  the argument's name on the command line
    """Show one incident in the post-mortem form (its id or the start of it)."""
    from swarmgit.app.incidents import named
    from swarmgit.app.views.incidents import incident_document
    from swarmgit.state.incidents import post_mortem

    found = named(settings.reading(), id)
    if as_json:
        say_json({"version": 1, **incident_document(found)})
    else:
        say(quoting.block(post_mortem(found)).rstrip())


@incident.command("new")
@click.argument("title")
@click.option("--text", default="", metavar="TEXT", help="What happened.")
@click.pass_obj
def new(settings: Settings, title: str, text: str) -> None:
    """Open an incident of your own."""
    from swarmgit.app.incidents import open_one

    open_one(settings.world(), title, text, settings.person)
    note(settings, LATER)


@incident.command("note")
@click.argument("id")
@click.argument("text")
@click.pass_obj
def add_note(settings: Settings, id: str, text: str) -> None:  # noqa: A002
    """Add what you found to an incident."""
    from swarmgit.app.incidents import note as add

    note(settings, f"noted on {add(settings.world(), id, text, settings.person)}; {LATER}")


@incident.command("close")
@click.argument("id")
@click.option("--text", default="", metavar="TEXT", help="How it was resolved.")
@click.option("--cause", default="", metavar="TEXT", help="The root cause.")
@click.option("--prevention", multiple=True, metavar="TEXT", help="'gate: …', 'specification: …', …; may be repeated.")
@click.pass_obj
def close(settings: Settings, id: str, text: str, cause: str, prevention: tuple[str, ...]) -> None:  # noqa: A002
    """Close an incident, with its root cause and what prevents it."""
    from swarmgit.app.incidents import close as close_incident

    closed = close_incident(settings.world(), id, settings.person, text, cause, prevention)
    note(settings, f"closed {closed}; {LATER}")
