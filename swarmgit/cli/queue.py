"""`queue` and `gates`."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, say, say_json


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def queue(context: click.Context, as_json: bool) -> None:
    """Show the merge queue and its ledger."""
    if context.invoked_subcommand is None:
        context.invoke(list_entries, is_all=False, as_json=as_json)


@queue.command("list")
@click.option("--all", "is_all", is_flag=True, help="Also what has landed or was rejected.")
@json_option
@click.pass_obj
def list_entries(settings: Settings, is_all: bool, as_json: bool) -> None:
    """List the entries, those that come first at the top."""
    from swarmgit.app.look import look
    from swarmgit.app.views.queue import queue_document
    from swarmgit.cli.render_queue import queue_text

    document = queue_document(look(settings.world()), is_all=is_all)
    if as_json:
        say_json(document)
    else:
        say(queue_text(document, settings.width))


@queue.command("show")
@click.argument("entry")
@json_option
@click.pass_obj
def show_entry(settings: Settings, entry: str, as_json: bool) -> None:
    """Show one ENTRY with its evidence and its events (its id, the start of it, or its task)."""
    from swarmgit.app.look import look
    from swarmgit.app.views.queue import entry_document
    from swarmgit.cli.render_queue import entry_text

    document = entry_document(look(settings.world()), entry)
    if as_json:
        say_json(document)
    else:
        say(entry_text(document))


@click.command()
@json_option
@click.pass_obj
def gates(settings: Settings, as_json: bool) -> None:
    """Show how often each gate has passed, failed or could not run; one that never failed is named."""
    from swarmgit.app.look import look
    from swarmgit.app.views.gates import gates_document
    from swarmgit.cli.render_queue import gates_text

    document = gates_document(look(settings.world()))
    if as_json:
        say_json(document)
    else:
        say(gates_text(document, settings.width))
