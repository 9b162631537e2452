"""Commands that read the history: log, diff, events, logs."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json
from swarmgit.errors import PersonMustAct


@click.command()
@click.option("-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many commits.")
@click.option("--task", "task", metavar="ID", help="Only commits that changed something of this task.")
@json_option
@click.pass_obj
def log(settings: Settings, count: int, task: str | None, as_json: bool) -> None:
    """Show the commits of the state branch, newest first."""
    from swarmgit.app.trail import log as read_log
    from swarmgit.app.views.trail import log_document
    from swarmgit.cli.render_trail import log_text

    commits = read_log(settings.reading(), count, task)
    if as_json:
        say_json(log_document(commits))
    else:
        say(log_text(commits, colour=settings.has_colour))


@click.command()
@click.argument("old", required=False, metavar="TASK|ENTRY|SESSION|OLD")
@click.argument("new", required=False)
@click.pass_obj
def diff(settings: Settings, old: str | None, new: str | None) -> None:
    """Show what a task, an entry or a session has changed, also while it is at work.

    Without a name, or with revisions of the state branch, show what changed there: in its last commit, or from OLD to
    NEW (its head).
    """
    from swarmgit.app.trail import diff as compare
    from swarmgit.app.work import difference, find_work
    from swarmgit.cli.render_trail import diff_text, painted

    world = settings.reading()
    work = find_work(world, old) if old is not None and new is None else None
    if work is not None:
        say(painted(difference(world, work).split("\n"), colour=settings.has_colour))
    else:
        say(diff_text(compare(world, old, new), colour=settings.has_colour))


@click.command("open")
@click.argument("name", metavar="TASK|ENTRY|SESSION")
@click.pass_obj
def open_(settings: Settings, name: str) -> None:
    """Lay out what a task, an entry or a session has made as read-only files without git, and print where."""
    from swarmgit.app.work import find_work, open_files

    world = settings.world()
    work = find_work(world, name)
    if work is None:
        raise PersonMustAct(f"there is no task, entry or session {name!r}", "list them with: swarmgit status")
    say(str(open_files(world, work)))
    note(settings, "a copy: nothing you do there becomes part of the work; editors and shells may obey files in it")
    if work.left_out is not None and work.left_out.items:
        note(settings, f"left out of the work ({len(work.left_out.items)}) and shown by: swarmgit diff {name}")


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Stay, and show events as they come.")
@click.option("-n", "count", type=click.IntRange(min=0), default=50, show_default=True, help="Start so many back.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def events(settings: Settings, follow: bool, count: int, as_json: bool) -> None:
    """Show who did what to which file, when and with which model."""
    from swarmgit.app.events import follow_events, last_events
    from swarmgit.cli.render_trail import event_text

    world = settings.reading()
    found = follow_events(world, count) if follow else last_events(world, count)
    for event in found:
        say(event_text(event, as_json=as_json))


@click.command()
@click.argument("session")
@click.option("-f", "--follow", is_flag=True, help="Stay until the session is over.")
@click.option("--stderr", "is_stderr", is_flag=True, help="Show its standard error instead.")
@click.option("--raw", "is_raw", is_flag=True, help="Byte for byte: for a file or a program, not for a terminal.")
@click.pass_obj
def logs(settings: Settings, session: str, follow: bool, is_stderr: bool, is_raw: bool) -> None:
    """Show what SESSION printed (its id, the start of it, or a task's name for its last session).

    What would act on a terminal is written out, as \\x1b.
    """
    from swarmgit.app.sessions import find_session, read_output
    from swarmgit.cli.render_trail import Printed

    world = settings.reading()
    name = "stderr.log" if is_stderr else "stdout.jsonl"
    printed = Printed(is_raw=is_raw)
    for chunk in read_output(world, find_session(world, session), name, follow=follow):
        printed.write(chunk)
