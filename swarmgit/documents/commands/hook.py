"""A hook for agent programs that report a command before they run it.

`python -m swarmgit.documents.commands.hook NAME…` reads a JSON object with `tool_input.command` or `command`, and ends
with 0, or with 2 and the reason on standard error, which such programs show to the agent. The names are the programs
that are listed; without any, all are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from swarmgit.documents.commands.shell import refuse

INPUT_CHARS_MAX = 1 << 20
REFUSED = 2


def judge(report: str, allowed: Sequence[str]) -> str | None:
    """Return why a reported tool use is refused; None also for one that is no command."""
    try:
        read = json.loads(report)
    except (ValueError, RecursionError):
        return "the report of a command cannot be read"
    given = read.get("tool_input", read) if isinstance(read, dict) else None
    if not isinstance(given, dict):
        return "the report of a command cannot be read"
    command = given.get("command")
    if command is None:
        return None
    return refuse(command, allowed) if isinstance(command, str) else "the command is not a text"


def main() -> int:
    reason = judge(sys.stdin.read(INPUT_CHARS_MAX), sys.argv[1:])
    if reason is None:
        return 0
    sys.stderr.write(f"{reason}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
