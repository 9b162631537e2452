"""What a scripted model says, turn by turn, in no provider's words: `wire` puts it into each provider's format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INPUT_TOKENS = 1200
CACHE_READ_TOKENS = 300
CACHE_WRITE_TOKENS = 100
OUTPUT_TOKENS = 42
"""What every answer claims to have cost. OpenAI and Gemini know no cache writes; their input includes what was cached."""


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Write:
    """Call the program's tool that writes a file; `path` below the working directory that the request names."""

    path: str
    content: str


@dataclass(frozen=True)
class Run:
    """Call the program's tool that runs a shell command."""

    command: str


@dataclass(frozen=True)
class Refuse:
    """Answer with an HTTP error: 401, 403, 429, 500, 529…; `retry_after_s` goes into the header."""

    status: int
    message: str = "refused by the script"
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Overflow:
    """Say that the conversation does not fit into the model's window, as the provider words it."""


@dataclass(frozen=True)
class Drop:
    """Begin to answer and close the connection in the middle."""


@dataclass(frozen=True)
class Wait:
    """Answer only after so many seconds (or when the server closes), and then with `then`."""

    seconds: float
    then: Say | Write | Run


Turn = Say | Write | Run | Refuse | Overflow | Drop | Wait
Reply = Say | Write | Run


@dataclass(frozen=True)
class ToolCall:
    name: str
    arguments: Mapping[str, Any]


_WRITERS: Mapping[str, tuple[str, str]] = {
    "Write": ("file_path", "content"),
    "write_file": ("file_path", "content"),
    "write": ("file_path", "content"),
    "create": ("path", "file_text"),
}
_SHELLS: Mapping[str, str] = {
    "Bash": "command",
    "run_shell_command": "command",
    "bash": "command",
    "run": "command",
    "exec_command": "cmd",
    "shell": "command",
}
_PLACE = re.compile(
    r"(?:orking directory(?: is)?:?|<cwd>|in the directory:?|working in(?: the folder)?:?)[\s`*\"]*(/[^\s<`\"\\]+)"
)


def tool_call(turn: Write | Run, offered: Mapping[str, Mapping[str, Any]], request_text: str) -> ToolCall | None:
    """Return the call of whichever offered tool does what the turn says; None where none does.

    `offered`: the schema of each tool's arguments by the tool's name.
    """
    if isinstance(turn, Write):
        for name, (path, content) in _WRITERS.items():
            if name in offered:
                known = offered[name].get("properties", {path: {}})
                place_key = next((key for key in (path, "filePath", "path") if key in known), path)
                return ToolCall(name, {place_key: f"{place(request_text)}/{turn.path}", content: turn.content})
        quoted = turn.content.replace("'", "'\\''")
        return tool_call(Run(f"printf '%s' '{quoted}' > {turn.path}"), offered, request_text)
    for name, command in _SHELLS.items():
        if name in offered:
            required = offered[name].get("required", ())
            extra = {key: "as the script says" for key in required if key not in {command, "cmd"}}
            return ToolCall(name, {command: turn.command, **{k: v for k, v in extra.items() if "descr" in k}})
    return None


def place(request_text: str) -> str:
    """Return the working directory that a request tells the model about."""
    found = _PLACE.findall(request_text)
    return found[-1].rstrip(".,;") if found else "."
