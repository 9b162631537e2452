"""Which commands only read. They write nothing anywhere: no cache, no ref, no file, also where they could."""

from __future__ import annotations

import click

READS = frozenset(
    {
        "agents",
        "agents show",
        "blame",
        "completion",
        "convoy list",
        "convoy show",
        "cost",
        "diff",
        "doctor",
        "events",
        "experiment list",
        "experiment show",
        "fsck",
        "gates",
        "incident list",
        "incident show",
        "log",
        "logs",
        "mail check",
        "mail list",
        "mail thread",
        "plan",
        "prompt",
        "queue",
        "queue list",
        "queue show",
        "review list",
        "review next",
        "review show",
        "route",
        "runtime list",
        "schema",
        "simulate queue",
        "state diff",
        "state log",
        "status",
        "task list",
        "task show",
        "validate",
        "why",
        "worktree path",
    }
)

WRITES = frozenset(
    {
        "convoy add",
        "convoy new",
        "demo",
        "freeze",
        "gc",
        "incident close",
        "incident new",
        "incident note",
        "init",
        "mail read",
        "mail send",
        "nudge",
        "queue drop",
        "queue pause",
        "queue resume",
        "queue retry",
        "queue urgent",
        "open",
        "reconcile",
        "review fail",
        "review pass",
        "runtime check",
        "state reset",
        "stop",
        "task accept",
        "task cancel",
        "task new",
        "task pause",
        "task reopen",
        "task restart",
        "task resume",
        "thaw",
    }
)
"""`mail read` notes that a message was read, where it can."""


def only_reads(context: click.Context | None) -> bool:
    """Return whether the command of a context only reads; so does what is no command yet, such as `--help`."""
    if context is None:
        return True
    if context.params.get("fix") or context.params.get("acknowledge"):  # `doctor --fix`, `fsck --acknowledge`
        return False
    return name_of(context) not in WRITES


def name_of(context: click.Context) -> str:
    """Return a command's words without the program's name."""
    return context.command_path.partition(" ")[2]
