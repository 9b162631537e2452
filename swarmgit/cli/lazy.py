"""A click group that imports a command's module only when the command is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

from swarmgit.model.faults import fault_of


class LazyGroup(click.Group):
    """Subclasses set `commands_at`: name → ("module:attribute" below `swarmgit.cli`, one line of help)."""

    commands_at: Mapping[str, tuple[str, str]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in self.commands_at:
            return None
        module, _, attribute = self.commands_at[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"swarmgit.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click takes every broken pipe for our standard output, which has its own guard."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise fault_of(error) or error from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands_at and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.commands_at, 1)
            guess = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{guess}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.commands_at.items()])
