"""Commands that set a repository up: init, validate, schema, demo, completion."""

from __future__ import annotations

from pathlib import Path

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.command()
@click.pass_obj
def init(settings: Settings) -> None:
    """Write .swarm/ for this repository and commit only that."""
    from swarmgit.app.init import init as write_intent
    from swarmgit.cli.render import initialised

    done = write_intent(settings.cwd.resolve(), settings.environ)
    say(initialised(done))


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def demo(path: Path | None) -> int:
    """Run a complete offline tour in a scratch repository that is kept."""
    from swarmgit.app.demo import run

    return run(path)


@click.command()
@json_option
@click.pass_obj
def validate(settings: Settings, as_json: bool) -> int:
    """Report every problem in the working tree's intent (exit code 1 when there is one)."""
    from swarmgit.app.validate import validate as find_problems
    from swarmgit.app.views.problems import problems_document

    problems = find_problems(settings.world())
    if as_json:
        say_json(problems_document(problems))
    else:
        say("\n".join(map(str, problems)))
        note(settings, "no problems" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


@click.command()
@click.argument("kind")
def schema(kind: str) -> None:
    """Print the JSON Schema of a KIND of document: swarm, gates, policy, task, convoy, …"""
    from swarmgit.app.names import find
    from swarmgit.documents import schemas

    say(schemas.text(find(kind, schemas.kinds(), "schema")).rstrip("\n"))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL: eval "$(swarmgit completion bash)"."""
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    assert completer is not None
    say(completer(context.find_root().command, {}, "swarmgit", "_SWARMGIT_COMPLETE").source())
