"""`experiment`: models, runtimes or role texts beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from swarmgit.cli.output import Settings, json_option, say, say_json
from swarmgit.cli.table import table
from swarmgit.documents import quoting


@click.group()
def experiment() -> None:
    """Compare models, runtimes or role texts by what became of their tasks."""


@experiment.command("list")
@json_option
@click.pass_obj
def list_experiments(settings: Settings, as_json: bool) -> None:
    """List the experiments and what they tell so far."""
    from swarmgit.app.experiments import comparisons
    from swarmgit.app.look import look
    from swarmgit.app.views.experiments import experiments_document

    world = settings.reading()
    document = experiments_document(comparisons(world.objects, look(world)))
    if as_json:
        say_json(document)
    else:
        say(_list_text(document, settings.width))


@experiment.command("show")
@click.argument("id")
@json_option
@click.pass_obj
def show(settings: Settings, id: str, as_json: bool) -> None:  # noqa: A002  the argument's name on the command line
    """Show one experiment's arms with their figures, intervals and numbers of tasks."""
    from swarmgit.app.experiments import comparison
    from swarmgit.app.look import look
    from swarmgit.app.views.experiments import experiment_document

    world = settings.reading()
    document = experiment_document(comparison(world.objects, look(world), id))
    if as_json:
        say_json(document)
    else:
        say(_show_text(document, settings.width))


def _list_text(document: Mapping[str, Any], width: int | None) -> str:
    rows = [
        (
            each["id"],
            ", ".join(each["arms"]),
            str(each["ended"]),
            str(each["under_way"]),
            "; ".join(each["told"]) or "cannot tell yet",
        )
        for each in document["experiments"]
    ]
    header = ("EXPERIMENT", "ARMS", "ENDED", "UNDER WAY", "TELLS")
    return table(header, rows, width) if rows else "no experiments"


def _show_text(document: Mapping[str, Any], width: int | None) -> str:
    head = f"{document['id']}: {quoting.line(document['title'])}"
    arms = [
        f"  {arm['name']}: {_settings(arm)}; {arm['ended']} tasks ended, {arm['under_way']} under way"
        for arm in document["arms"]
    ]
    names = [arm["name"] for arm in document["arms"]]
    rows = [
        (measure["measure"], *(_cell(measure["arms"][name]) for name in names), measure["verdict"])
        for measure in document["measures"]
    ]
    note = "Value [95 % interval] (tasks). A difference is told when the intervals do not meet, from 5 ended tasks on."
    return "\n".join([head, *arms, table(("MEASURE", *names, "TELLS"), rows, width), note])


def _settings(arm: Mapping[str, Any]) -> str:
    given = [f"{key} {quoting.line(arm[key])}" for key in ("runtime", "model", "role") if arm[key]]
    return ", ".join(given) or "as without the experiment"


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    low, high = figure["low"], figure["high"]
    interval = f" [{low:g}, {high:g}]" if low is not None else ""
    return f"{figure['value']:g}{interval} ({figure['tasks']})"
