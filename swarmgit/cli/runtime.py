"""`runtime`: which agent programs are here, and whether one truly works."""

from __future__ import annotations

from pathlib import Path

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.group()
def runtime() -> None:
    """List agent programs, and check whether one truly works here."""


@runtime.command("list")
@json_option
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """Show every known agent program: installed or not, its version, and what is missing."""
    from swarmgit.cli.render_runtime import runtimes_document, runtimes_text
    from swarmgit.wiring.programs import installed_runtimes

    found = installed_runtimes(settings.environ)
    if as_json:
        say_json(runtimes_document(found))
    else:
        say(runtimes_text(found, settings.width))


@runtime.command()
@click.argument("name")
@click.option("--model", help="The model to ask it for; by default that of the tier that uses it.")
@click.option("--timeout", "timeout_s", type=float, default=300, show_default=True, help="Seconds at most.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Keep the scratch repository in this new folder."
)
@json_option
@click.pass_obj
def check(
    settings: Settings, name: str, model: str | None, timeout_s: float, folder: Path | None, as_json: bool
) -> int:
    """Let runtime NAME do a tiny real task in a scratch repository. This spends a few tokens of its account."""
    from swarmgit.cli.render_runtime import checked_text
    from swarmgit.wiring.runtime_check import check_runtime

    note(settings, f"{name} gets a tiny task in a scratch repository; it spends a few tokens")
    found = check_runtime(settings.cwd.resolve(), settings.environ, (name, model), folder, timeout_s)
    if as_json:
        say_json(found.document())
    else:
        say(checked_text(found))
    return 0 if found.works else 1
