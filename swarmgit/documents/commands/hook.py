"""A hook for agent programs that report a command before they run it.

`python -m swarmgit.documents.commands.hook NAME…` reads a JSON object with `tool_input.command`, `command`, or
`toolName` and `toolArgs`, and ends with 0, or with 2 and the reason on standard error, which such programs show to the
agent; those that say `toolName` read it as JSON on standard output. The names are the programs
that are listed; without any, all are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from swarmgit.documents.commands.shell import refuse

INPUT_CHARS_MAX = 1 << 20
REFUSED = 2
UNREADABLE = "the report of a command cannot be read"
_SHELLS = frozenset({"bash", "shell"})
_TOOLS = ("Bash", "run_shell_command")


def judge(report: str, allowed: Sequence[str]) -> str | None:
    """Return why a reported tool use is refused; None also for one that is no command."""
    try:
        read = json.loads(report)
        given = _given(read) if isinstance(read, dict) else None
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(given, dict):
        return UNREADABLE
    command = given.get("command")
    if command is None:
        return UNREADABLE if read.get("tool_name") in _TOOLS else None
    return refuse(command, allowed) if isinstance(command, str) else "the command is not a text"


def _given(read: dict[str, Any]) -> object:
    """Return the arguments of the tool; none where a tool that is no shell is told of by name."""
    if "toolName" not in read:
        return read.get("tool_input", read)
    name, arguments = read["toolName"], read.get("toolArgs")
    if not isinstance(name, str):
        return None
    return (json.loads(arguments) if isinstance(arguments, str) else arguments) if name in _SHELLS else {}


def main() -> int:
    report = sys.stdin.read(INPUT_CHARS_MAX)
    reason = judge(report, sys.argv[1:])
    if reason is None:
        return 0
    if '"toolName"' in report:
        sys.stdout.write(json.dumps({"permissionDecision": "deny", "permissionDecisionReason": reason}) + "\n")
    sys.stderr.write(f"{reason}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
