"""The command line: commands parse, call one use case and print. Nothing is imported before its command is named."""

from __future__ import annotations

from pathlib import Path

import click

from swarmgit.cli.lazy import LazyGroup
from swarmgit.cli.output import Settings, settings_from
from swarmgit.cli.version import VERSION

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("setup:init", "Write .swarm/ for this repository and commit only that."),
    "demo": ("demo:demo", "Run a complete offline tour in a scratch repository."),
    "validate": ("setup:validate", "Report every problem in the intent, with its place."),
    "schema": ("setup:schema", "Print the JSON Schema of a kind of document."),
    "plan": ("look:plan", "Show what a tick would do and why, and do none of it."),
    "reconcile": ("run:reconcile", "Bring the world to what the tasks ask for: the main job."),
    "status": ("look:status", "Show tasks, sessions and the queue."),
    "why": ("look:why", "Explain a task's present phase."),
    "log": ("trail:log", "Show the commits of the state branch."),
    "diff": ("trail:diff", "Show what a task, an entry or a session has changed."),
    "open": ("trail:open_", "Lay out what a task has made, to look at it safely."),
    "state": ("state:state", "Show the history of the state branch, or move it on purpose."),
    "events": ("trail:events", "Show who did what to which file."),
    "logs": ("trail:logs", "Show what a session printed."),
    "task": ("task:task", "Write, list, pause, resume, cancel, restart, reopen or accept tasks."),
    "convoy": ("convoy:convoy", "Show convoys and how far they are; write and add to them."),
    "prompt": ("look:prompt", "Print exactly what an agent would get for a task."),
    "queue": ("queue:queue", "Show the merge queue and its ledger."),
    "review": ("review:review", "Pass or fail work that a person has to see before it lands."),
    "simulate": ("simulate:simulate", "Try the merge queue's choices on a model."),
    "gates": ("queue:gates", "Show how often each gate has passed and failed."),
    "mail": ("mail:mail", "Write to agents and people, and read what they write."),
    "nudge": ("mail:nudge", "Send an urgent message to an agent at work."),
    "incident": ("incident:incident", "Show incidents, add what you found, and close them."),
    "agents": ("agents:agents", "Show the agents and what they have achieved."),
    "route": ("agents:route", "Say who would get a task, with the numbers."),
    "experiment": ("experiment:experiment", "Compare models, runtimes or role texts."),
    "cost": ("cost:cost", "Show what was spent, by task, agent, model, convoy or day."),
    "runtime": ("runtime:runtime", "List agent programs, and check whether one truly works here."),
    "blame": ("agents:blame", "Say which agent, task and session wrote a line."),
    "worktree": ("brakes:worktree", "Say where a session's files are."),
    "stop": ("brakes:stop", "Stop a session and pause its task."),
    "freeze": ("brakes:freeze", "Stop all new work and landings until thaw."),
    "thaw": ("brakes:thaw", "Lift a freeze."),
    "doctor": ("health:doctor", "Check that this machine and repository are in order."),
    "fsck": ("health:fsck", "Check every promise over the whole history."),
    "gc": ("health:gc", "Remove what is finished and past its time."),
    "completion": ("setup:completion", "Print the shell completion script."),
}


class Commands(LazyGroup):
    commands_at = COMMANDS


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="swarmgit", message="%(prog)s %(version)s")
@click.option(
    "-C",
    "cwd",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Work as if started in this folder.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only what was asked for and what went wrong.")
@click.pass_context
def cli(context: click.Context, cwd: Path, quiet: bool) -> None:
    """Run a swarm of coding agents with nothing but git.

    Describe tasks as files in .swarm/tasks, commit them, and run 'swarmgit reconcile'.
    """
    context.obj = settings_from(cwd, quiet=quiet)


def main() -> int:
    """Run the command line and return its exit code."""
    from swarmgit.cli.boundary import run
    from swarmgit.cli.effects import only_reads
    from swarmgit.cli.streams import make_robust

    make_robust(lambda: only_reads(click.get_current_context(silent=True)))
    return run(cli)


__all__ = ["COMMANDS", "Settings", "cli", "main"]
