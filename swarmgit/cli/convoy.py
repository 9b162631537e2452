"""`convoy`: tasks that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json
from swarmgit.cli.table import table
from swarmgit.documents import quoting
from swarmgit.model.desired import OnFailure


@click.group()
def convoy() -> None:
    """Show convoys and how far they are; write and add to their files."""


@convoy.command("list")
@json_option
@click.pass_obj
def list_convoys(settings: Settings, as_json: bool) -> None:
    """List the convoys with their progress."""
    from swarmgit.app.convoys import statuses
    from swarmgit.app.look import look
    from swarmgit.app.views.convoys import convoys_document

    document = convoys_document(statuses(look(settings.reading())).values())
    if as_json:
        say_json(document)
    else:
        say(_list_text(document, settings.width))


@convoy.command("show")
@click.argument("id")
@json_option
@click.pass_obj
def show(settings: Settings, id: str, as_json: bool) -> None:  # noqa: A002  the argument's name on the command line
    """Show one convoy with the phase of each member."""
    from swarmgit.app.convoys import status_named
    from swarmgit.app.look import look
    from swarmgit.app.views.convoys import convoy_document
    from swarmgit.app.views.money import convoy_budget_rows

    seen = look(settings.reading())
    row = convoy_document(seen, status_named(seen, id))
    spent = next((each for each in convoy_budget_rows(seen) if each["convoy"] == row["id"]), None)
    document = {**row, "budget": spent}
    if as_json:
        say_json({"version": 1, **document})
    else:
        say(_show_text(document))


@convoy.command("new")
@click.argument("id")
@click.argument("tasks", nargs=-1)
@click.option("--title", required=True, help="The outcome, in one line.")
@click.option("--on-failure", type=click.Choice(get_args(OnFailure)), default="hold", show_default=True)
@click.pass_obj
def new(settings: Settings, id: str, tasks: tuple[str, ...], title: str, on_failure: str) -> None:  # noqa: A002
    """Write .swarm/convoys/ID.yaml in the working tree; commit it to make it count."""
    from swarmgit.app.convoys import write

    _say_path(settings, write(settings.world(), id, title, tasks, on_failure))


@convoy.command("add")
@click.argument("id")
@click.argument("tasks", nargs=-1, required=True)
@click.pass_obj
def add(settings: Settings, id: str, tasks: tuple[str, ...]) -> None:  # noqa: A002
    """Add TASKS to the file of a convoy in the working tree; commit it to make it count."""
    from swarmgit.app.convoys import add as add_tasks

    _say_path(settings, add_tasks(settings.world(), id, tasks))


def _say_path(settings: Settings, path: Path) -> None:
    here = settings.cwd.resolve()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    say(str(shown))
    note(settings, f"it counts once it is committed: swarmgit validate && git add {shown} && git commit")


def _list_text(document: Mapping[str, Any], width: int | None) -> str:
    rows = [
        (each["id"], each["state"], f"{each['done']}/{each['total']}", each["reason"] or each["title"])
        for each in document["convoys"]
    ]
    return table(("convoy", "state", "done", ""), rows, width) if rows else "no convoys"


def _show_text(document: Mapping[str, Any]) -> str:
    head = f"{document['id']}: {quoting.line(document['title'])}"
    cancelled = f", {document['cancelled']} cancelled" if document["cancelled"] else ""
    state = f"{document['state']}, {document['done']} of {document['total']} done{cancelled}"
    reason = [quoting.line(document["reason"])] if document["reason"] else []
    members = [f"  {task}: {phase}{_priority(document, task)}" for task, phase in document["members"].items()]
    spent = [document["budget"]["text"]] if document["budget"] else []
    given = [f"priority: {document['priority']}"] if document["priority"] else []
    return "\n".join([head, state, *reason, *given, *spent, *members])


def _priority(document: Mapping[str, Any], task: str) -> str:
    """Return a member's priority where it is not the one that all have who say nothing."""
    found = document["priorities"].get(task)
    if found is None or (found["priority"] == "normal" and found["from"] is None):
        return ""
    return f" ({found['priority']} priority" + (f", from {found['from']})" if found["from"] else ")")
