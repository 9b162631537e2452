"""`review`: what waits for a person before it lands, and a person's verdict."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.group()
def review() -> None:
    """Look at work that a person has to pass before it lands, and give a verdict."""


@review.command("list")
@json_option
@click.pass_obj
def list_held(settings: Settings, as_json: bool) -> None:
    """List what waits for a review, the oldest first."""
    from swarmgit.app.look import look
    from swarmgit.app.reviews import held
    from swarmgit.app.views.reviews import reviews_document
    from swarmgit.cli.render_review import reviews_text

    document = reviews_document(held(look(settings.reading())))
    if as_json:
        say_json(document)
    else:
        say(reviews_text(document, settings.width))


@review.command("show")
@click.argument("name", metavar="TASK|ENTRY")
@json_option
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show the task, its gates and the difference that waits for a review."""
    _show(settings, name, as_json=as_json)


@review.command("next")
@json_option
@click.pass_obj
def show_next(settings: Settings, as_json: bool) -> None:
    """Show what has waited longest for a review."""
    _show(settings, None, as_json=as_json)


def _show(settings: Settings, name: str | None, *, as_json: bool) -> None:
    from swarmgit.app.look import look
    from swarmgit.app.reviews import difference_text, find_held, held
    from swarmgit.app.views.reviews import review_document
    from swarmgit.cli.render_review import review_text

    world = settings.reading()
    seen = look(world)
    found = find_held(seen, name) if name is not None else next(iter(held(seen)), None)
    if found is None:
        note(settings, "nothing waits for a review")
        return
    document = review_document(seen, found, difference_text(world, found))
    if as_json:
        say_json(document)
    else:
        say(review_text(document))


@review.command("pass")
@click.argument("name", metavar="TASK|ENTRY")
@click.option("--text", default="", metavar="TEXT", help="What you want to add; kept with the verdict.")
@click.pass_obj
def pass_it(settings: Settings, name: str, text: str) -> None:
    """Let held work land: only a person at a terminal can."""
    _give(settings, name, text, passed=True)


@review.command("fail")
@click.argument("name", metavar="TASK|ENTRY")
@click.option("--text", default="", metavar="TEXT", help="What is wrong; the agent gets it as the reason.")
@click.option("--drop", is_flag=True, help="Give the task up instead of sending it back; its work is kept.")
@click.pass_obj
def fail_it(settings: Settings, name: str, text: str, drop: bool) -> None:
    """Send held work back to an agent: only a person at a terminal can."""
    _give(settings, name, text, passed=False, drop=drop)


def _give(settings: Settings, name: str, text: str, *, passed: bool, drop: bool = False) -> None:
    from swarmgit.app.look import look
    from swarmgit.app.reviews import Answer, find_held, give
    from swarmgit.cli.person import confirm, refuse_others

    refuse_others(settings.environ, f"swarmgit review {'pass' if passed else 'fail'} {name}")
    world = settings.world()
    found = find_held(look(world), name)
    confirm(f"review of {found.entry.task} ({found.why})")
    verdict = give(world, found, Answer(passed, settings.person, "terminal", text, drop))
    then = "it lands" if passed else "its task is cancelled" if drop else "it goes back to an agent"
    note(settings, f"{verdict.verdict}: {then} with the next 'swarmgit reconcile'")
