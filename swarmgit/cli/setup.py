"""Commands that set a repository up: init, validate, schema, completion."""

from __future__ import annotations

import click

from swarmgit.cli.output import Settings, json_option, note, say, say_json


@click.command()
@click.option("--target", metavar="BRANCH", help="The branch that work lands on; by default the repository's main one.")
@click.pass_obj
def init(settings: Settings, target: str | None) -> None:
    """Write .swarm/ for this repository and commit only that; safe to run again."""
    from functools import partial
    from shutil import which

    from swarmgit.adapters.git.intent_commit import open_intent
    from swarmgit.app.doctor.objects import mirror_words
    from swarmgit.app.init import init as write_intent
    from swarmgit.app.new_task import install_schemas
    from swarmgit.app.room import require_room
    from swarmgit.cli.render_setup import initialised
    from swarmgit.wiring.programs import needs_of

    require_room(settings.reading())
    find_program = partial(which, path=settings.environ.get("PATH"))
    with open_intent(settings.cwd.resolve(), settings.environ) as repository:
        done = write_intent(repository, find_program, target, needs_of)
    world = settings.world()
    install_schemas(world)
    say(initialised(done))
    for remote in world.engine.upkeep.mirrors():
        say(f"warning: {mirror_words(remote)}")


@click.command()
@click.option("--committed", is_flag=True, help="Look at the target's commit, not at the working tree.")
@json_option
@click.pass_obj
def validate(settings: Settings, committed: bool, as_json: bool) -> int:
    """Report every problem in the working tree's intent (exit code 1 when there is one)."""
    from swarmgit.app.validate import asked_for, placed_warnings, warnings
    from swarmgit.app.views.problems import problems_document
    from swarmgit.app.views.words import counted
    from swarmgit.observe.reach import unreachable

    world = settings.reading()
    desired = asked_for(world, committed=committed)
    problems, steps = desired.problems, placed_warnings(world, desired, committed=committed)
    warned = (*steps, *warnings(desired, unreachable(world.runtimes, world.sandbox, desired)))
    if as_json:
        say_json(problems_document(problems, warned))
    else:
        say("\n".join((*map(str, problems), *(f"warning: {each}" for each in warned))))
        note(settings, counted(len(problems), "problem") if problems else "no problems")
    return 1 if problems else 0


@click.command()
@click.argument("kind")
def schema(kind: str) -> None:
    """Print the JSON Schema of a KIND of document: swarm, gates, policy, task, convoy, …"""
    from swarmgit.documents import schemas
    from swarmgit.documents.spelling import did_you_mean
    from swarmgit.errors import WrongUsage

    if kind not in schemas.kinds():
        guess = did_you_mean(kind, schemas.kinds())
        raise WrongUsage(f"there is no kind of document '{kind}'{guess}", f"kinds: {', '.join(schemas.kinds())}")
    say(schemas.text(kind).rstrip("\n"))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL: eval "$(swarmgit completion bash)"."""
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    assert completer is not None
    say(completer(context.find_root().command, {}, "swarmgit", "_SWARMGIT_COMPLETE").source())
