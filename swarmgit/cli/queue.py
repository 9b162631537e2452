"""`queue` and `gates`."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


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

    document = queue_document(look(settings.reading()), is_all=is_all)
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

    document = entry_document(look(settings.reading()), entry)
    if as_json:
        say_json(document)
    else:
        say(entry_text(document))


@queue.command("pause")
@click.option("--reason", default="", metavar="TEXT", help="Why; shown by status.")
@click.pass_obj
def pause(settings: Settings, reason: str) -> None:
    """Let nothing land until 'queue resume'; sessions and gates go on."""
    from swarmgit.app.control import pause_queue

    pause_queue(settings.world(), settings.person, reason)
    note(settings, "paused: nothing lands until 'swarmgit queue resume'")


@queue.command("resume")
@click.pass_obj
def resume(settings: Settings) -> None:
    """Let things land again."""
    from swarmgit.app.control import resume_queue

    was_paused = resume_queue(settings.world())
    note(settings, "resumed; go on with 'swarmgit reconcile'" if was_paused else "the queue was not paused")


@queue.command("urgent")
@click.argument("entry")
@click.pass_obj
def urgent(settings: Settings, entry: str) -> None:
    """Put ENTRY before all others (its id, the start of it, or its task)."""
    from swarmgit.app.control import hurry

    note(settings, f"entry {hurry(settings.world(), entry, settings.person)} now goes first")


@queue.command("retry")
@click.argument("entry")
@click.pass_obj
def retry(settings: Settings, entry: str) -> None:
    """Forget the red answers about ENTRY, so that its gates run again; a rejected one stands in line again as it is."""
    from swarmgit.app.control import retry as run_again

    note(settings, f"what was red about entry {run_again(settings.world(), entry, settings.person)} does not count")


@queue.command("drop")
@click.argument("entry")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the ledger.")
@click.pass_obj
def drop(settings: Settings, entry: str, reason: str) -> None:
    """Take ENTRY out of the queue and pause its task; its work is kept."""
    from swarmgit.app.control import drop as take_out

    found = take_out(settings.world(), entry, settings.person, reason)
    note(settings, f"entry {found} leaves the queue and its task is paused; go on with 'swarmgit task resume'")


@click.command()
@json_option
@click.pass_obj
def gates(settings: Settings, as_json: bool) -> None:
    """Show how often each gate has passed, failed or could not run; one that never failed is named."""
    from swarmgit.app.look import look
    from swarmgit.app.views.gates import gates_document
    from swarmgit.cli.render_queue import gates_text

    document = gates_document(look(settings.reading()))
    if as_json:
        say_json(document)
    else:
        say(gates_text(document, settings.width))
