"""`task`: write a task file, look at tasks, and say what should happen with one."""

from __future__ import annotations

from typing import Any

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.group()
def task() -> None:
    """Write, list, pause, resume, cancel, restart, reopen or accept tasks."""


@task.command()
@click.argument("id")
@click.option("--title", required=True, help="What to do, in one line.")
@click.option("--description", default="", help="What and why, for someone without this context.")
@click.option("--owns", multiple=True, metavar="GLOB", help="What it may change; may be repeated.")
@click.option("--type", default=None, metavar="TYPE", help="implement, mechanical, review, docs, …")
@click.option("--depends-on", multiple=True, metavar="ID", help="Tasks that come first; may be repeated.")
@click.option("--edit", is_flag=True, help="Open the new file in an editor.")
@click.pass_obj
def new(settings: Settings, /, edit: bool, **fields: Any) -> None:  # noqa: ANN401  passed on by name
    """Write .swarm/tasks/ID.yaml in the working tree; commit it to make it count."""
    from swarmgit.app.new_task import Draft, write_task

    path = write_task(settings.world(), Draft(**fields))
    if edit:
        click.edit(filename=str(path))
    here = settings.cwd.resolve()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    say(str(shown))
    note(settings, f"it counts once it is committed: swarmgit validate && git add {shown} && git commit")


@task.command("list")
@json_option
@click.pass_obj
def list_tasks(settings: Settings, as_json: bool) -> None:
    """List every task of the intent and every unfinished one."""
    from swarmgit.app.look import look
    from swarmgit.app.views.tasks import tasks_document
    from swarmgit.cli.render import tasks_text

    document = tasks_document(look(settings.reading()))
    if as_json:
        say_json(document)
    else:
        say(tasks_text(document, settings.width, colour=settings.has_colour))


@task.command()
@click.argument("id")
@json_option
@click.pass_obj
def show(settings: Settings, id: str, as_json: bool) -> None:  # noqa: A002  the argument's name on the command line
    """Show a task: what it asks for, its phase, and every attempt."""
    from swarmgit.app.look import look
    from swarmgit.app.views.tasks import task_document
    from swarmgit.cli.render import task_text

    document = task_document(look(settings.reading()), id)
    if as_json:
        say_json(document)
    else:
        say(task_text(document))


@task.command()
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT")
@click.pass_obj
def pause(settings: Settings, id: str, reason: str) -> None:  # noqa: A002
    """Start no new session for a task; one that runs goes on."""
    from swarmgit.app.control import pause as pause_task

    pause_task(settings.world(), id, settings.person, reason)
    note(settings, f"paused; go on with: swarmgit task resume {id}")


@task.command()
@click.argument("id")
@click.pass_obj
def resume(settings: Settings, id: str) -> None:  # noqa: A002
    """Lift a task's pause."""
    from swarmgit.app.control import resume as resume_task

    resume_task(settings.world(), id, settings.person)
    note(settings, "resumed; go on with: swarmgit reconcile")


@task.command()
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT")
@click.pass_obj
def cancel(settings: Settings, id: str, reason: str) -> None:  # noqa: A002
    """Give a task up; what was done for it is kept under refs/swarm/salvage."""
    from swarmgit.app.control import cancel as cancel_task

    cancel_task(settings.world(), id, settings.person, reason)
    note(settings, f"cancelled; start it again with: swarmgit task restart {id}")


@task.command()
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT")
@click.pass_obj
def restart(settings: Settings, id: str, reason: str) -> None:  # noqa: A002
    """Begin a task afresh: its present file, all its attempts, no pause."""
    from swarmgit.app.control import restart as restart_task

    restart_task(settings.world(), id, settings.person, reason)
    note(settings, "restarted; go on with: swarmgit reconcile")


@task.command()
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT")
@click.pass_obj
def reopen(settings: Settings, id: str, reason: str) -> None:  # noqa: A002
    """Work once more for a task that has landed, was reverted, or that a commit claims; it may land again."""
    from swarmgit.app.landings import reopen as reopen_task

    settings.refuse_sessions("task reopen")
    found = reopen_task(settings.world(), id, settings.person, reason)
    note(settings, f"{found} is open again; go on with: swarmgit reconcile")


@task.command()
@click.argument("id", metavar="ID|COMMIT")
@click.option("--reason", default="", metavar="TEXT")
@click.pass_obj
def accept(settings: Settings, id: str, reason: str) -> None:  # noqa: A002
    """Let the commit of the target that claims a task count as its landing: name the task, or the commit."""
    from swarmgit.app.landings import accept as accept_commit

    settings.refuse_sessions("task accept")
    found = accept_commit(settings.world(), id, settings.person, reason)
    note(settings, f"{found} counts as landed with the next tick: swarmgit reconcile")
