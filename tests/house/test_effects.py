"""Every command says in `cli/effects.py` whether it only reads."""

from __future__ import annotations

import click

from swarmgit.cli import COMMANDS, cli
from swarmgit.cli.effects import READS, WRITES


def test_every_command_is_in_one_of_the_two_tables() -> None:
    def names(command: click.Command, path: tuple[str, ...]) -> set[str]:
        if not isinstance(command, click.Group):
            return {" ".join(path)}
        context = click.Context(command)
        found = {" ".join(path)} if command.invoke_without_command else set()
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found |= names(below, (*path, name))
        return found

    everything = set().union(*(names(cli.get_command(click.Context(cli), name), (name,)) for name in COMMANDS))
    assert everything == READS | WRITES
    assert not READS & WRITES
