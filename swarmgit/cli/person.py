"""Whether a person gives a command: what only a person may do is confirmed on a terminal, by a code typed back.

This keeps out agents in their sandboxes, scripts and assistants that mean no harm. Nothing but a signature keeps out a
program of the same user outside of any sandbox (docs/review.md).
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping

import click

from swarmgit.documents import quoting
from swarmgit.errors import PersonMustAct

ASSISTANTS = (
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "GEMINI_CLI",
    "QWEN_CODE",
    "OPENCODE",
    "CURSOR_AGENT",
    "CLINE_ACTIVE",
    "AUGMENT_AGENT",
    "GOOSE_TERMINAL",
    "AI_AGENT",
)
"""Variables that programs of this kind set in the shells they start, whatever the value."""

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 5


def refuse_others(environ: Mapping[str, str], command: str) -> None:
    """Raise PersonMustAct, with what a person has to type, where it is not a person at a terminal who asks."""
    hint = f"a person types in a terminal of their own: {command}"
    if environ.get("SWARM_SESSION"):
        raise PersonMustAct("only a person can say this, and this is a session", hint)
    found = next((name for name in ASSISTANTS if environ.get(name)), None)
    if found is not None:
        raise PersonMustAct(f"only a person can say this, and an assistant started this shell ({found} is set)", hint)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise PersonMustAct("only a person at a terminal can say this, and this is no terminal", hint)


def confirm(what: str) -> None:
    """Print a code and read it back; raise PersonMustAct where something else was typed."""
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    click.echo(quoting.line(what))
    click.echo(f"type {code} to confirm: ", nl=False)
    sys.stdout.flush()
    typed = os.fsdecode(sys.stdin.buffer.readline(256)).strip()
    if typed.upper() != code:
        raise PersonMustAct("that is not the code; nothing was written", "give the command again")
