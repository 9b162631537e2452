"""`mail` and `nudge`: for people from the state branch, for agents inside a session from its inbox and outbox."""

from __future__ import annotations

import sys
from typing import Any

import click

from swarmgit.app.desk import PRIORITIES, TYPES, desk_of, letter_of
from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.group()
def mail() -> None:
    """Write to agents and people, and read what they write."""


@mail.command("send")
@click.argument("to", nargs=-1, metavar="TO…")
@click.option("-s", "--subject", required=True, metavar="TEXT", help="The message in one line.")
@click.option("-m", "--body", default="", metavar="TEXT", help="The message; '-' reads it from standard input.")
@click.option("--to", "more", multiple=True, metavar="NAME", help="An agent, human, swarmgit, @all, @role:NAME, …")
@click.option("--type", "type_", type=click.Choice(TYPES), default=None, help="status_update by default.")
@click.option("--priority", type=click.Choice(PRIORITIES), default=None, help="normal by default.")
@click.option("--reply-to", "in_reply_to", default=None, metavar="ID", help="The message that this one answers.")
@click.option("--thread", default=None, metavar="ID", help="The conversation that it belongs to.")
@click.pass_obj
def send(settings: Settings, /, **given: Any) -> None:  # noqa: ANN401  passed on by name
    """Send a message to agents (their names), people (human), swarmgit, or a group (@all, @role:NAME, @convoy:NAME)."""
    letter = _letter(**given)
    desk = desk_of(settings.environ)
    if desk is not None:
        desk.send(letter)
    else:
        from swarmgit.app.mail import post

        post(settings.world(), letter, settings.person)
        note(settings, "it goes out with the next tick: swarmgit reconcile")


def _letter(to: tuple[str, ...], more: tuple[str, ...], subject: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401
    names = (*to, *more)
    if not names:
        raise click.UsageError("say to whom: swarmgit mail send builder-02 -s 'the port is 8080'")
    body = given.pop("body")
    words = sys.stdin.read() if body == "-" else body
    return letter_of(names, subject, type=given.pop("type_"), body=words, **given)


@mail.command("list")
@click.argument("mailbox", default="human")
@click.option("--unread", is_flag=True, help="Only what was not read.")
@json_option
@click.pass_obj
def list_mail(settings: Settings, mailbox: str, unread: bool, as_json: bool) -> None:
    """List the messages of a MAILBOX: human (you), an agent's name, swarmgit, or dead (what was refused)."""
    from swarmgit.cli.render_mail import mails_text

    desk = desk_of(settings.environ)
    document: dict[str, Any] = (
        {"version": 1, "mails": desk.listed()} if desk is not None else _document(settings, mailbox)
    )
    if unread:
        document["mails"] = [each for each in document["mails"] if not each["read"]]
    if as_json:
        say_json(document)
    else:
        say(mails_text(document, settings.width))


def _document(settings: Settings, mailbox: str) -> dict[str, Any]:
    from swarmgit.app.mail import mailbox as listed
    from swarmgit.app.views.mail import mails_document

    found = listed(settings.reading(), mailbox)
    return mails_document(found.mails, found.waiting, found.problems)


@mail.command("read")
@click.argument("id")
@json_option
@click.pass_obj
def read(settings: Settings, id: str, as_json: bool) -> None:  # noqa: A002  the argument's name on the command line
    """Show one message whole, and note that it was read."""
    from swarmgit.cli.render_mail import mail_text

    desk = desk_of(settings.environ)
    if desk is not None:
        document = desk.read(id)
    else:
        from swarmgit.app.mail import read as read_mail
        from swarmgit.app.views.mail import mail_document

        document = mail_document(read_mail(settings.world(), id, settings.person))
    if as_json:
        say_json({"version": 1, **document})
    else:
        say(mail_text(document))


@mail.command("thread")
@click.argument("id")
@json_option
@click.pass_obj
def thread(settings: Settings, id: str, as_json: bool) -> None:  # noqa: A002
    """Show the conversation that a message belongs to."""
    from swarmgit.cli.render_mail import thread_text

    desk = desk_of(settings.environ)
    if desk is not None:
        document: dict[str, Any] = {"version": 1, "mails": desk.thread(id)}
    else:
        from swarmgit.app.mail import thread as thread_of
        from swarmgit.app.views.mail import mails_document

        document = mails_document(thread_of(settings.reading(), id))
    if as_json:
        say_json(document)
    else:
        say(thread_text(document["mails"]))


@mail.command("check")
@json_option
@click.pass_obj
def check(settings: Settings, as_json: bool) -> None:
    """Show what is new. In a session each message is shown once; for people it stays new until 'mail read'."""
    from swarmgit.cli.render_mail import digest_text

    desk = desk_of(settings.environ)
    if desk is not None:
        mails, left = desk.check()
    else:
        mails, left = [each for each in _document(settings, "human")["mails"] if not each["read"]], 0
    if as_json:
        say_json({"version": 1, "mails": mails, "left": left})
    else:
        say(digest_text(mails, left))


@click.command()
@click.argument("name")
@click.argument("text", default="")
@click.pass_obj
def nudge(settings: Settings, name: str, text: str) -> None:
    """Send an urgent message to an agent NAME, or to the one at work on a task or in a session."""
    from swarmgit.app.mail import nudge as nudge_agent

    to = nudge_agent(settings.world(), name, text, settings.person)
    note(settings, f"{', '.join(to)} gets it with the next tick: swarmgit reconcile")
