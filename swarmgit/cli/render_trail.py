"""The history as text: log, diff, events, and what a session printed."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from swarmgit.documents import quoting

if TYPE_CHECKING:
    from swarmgit.app.trail import FileDiff, LogLine

PATHS_SHOWN = 4
NAMED = ("timestamp", "type", "agent_id", "task_id", "session_id", "model")


def log_text(commits: Iterable[LogLine], *, colour: bool = False) -> str:
    """Return one line per commit: id, time, message, and the first few paths."""
    lines = []
    for each in commits:
        commit = f"\x1b[33m{each.commit[:10]}\x1b[0m" if colour else each.commit[:10]
        lines.append(
            f"{commit} {each.at:%Y-%m-%d %H:%M:%S} {quoting.line(each.message.splitlines()[0] if each.message else '')}"
        )
        lines += [f"    {line}" for line in each.message.splitlines()[1:] if line.strip()]
    return "\n".join(lines)


def diff_text(files: Iterable[FileDiff], *, colour: bool = False) -> str:
    """Return a unified diff."""
    return painted([line for file in files for line in file.lines], colour=colour)


def painted(diff: Iterable[str], *, colour: bool) -> str:
    """Return the lines of a difference for a terminal: harmless, and in colours where it has some."""
    paint = {"+": "32", "-": "31", "@": "36"}
    lines = [quoting.block(line) for line in diff]
    if not colour:
        return "\n".join(lines)
    return "\n".join(f"\x1b[{paint[line[0]]}m{line}\x1b[0m" if line[:1] in paint else line for line in lines)


def event_text(event: dict[str, Any], *, as_json: bool) -> str:
    """Return one line: when, who, for which task, what."""
    if as_json:
        return json.dumps(event, ensure_ascii=False)
    kind = str(event.get("type", "action"))
    rest = {key: value for key, value in event.items() if key not in NAMED and value not in (None, "", 0, False)}
    what = f"{rest.pop('action', kind)} {rest.pop('file', '')}".strip()
    facts = " ".join(f"{key}={value}" for key, value in rest.items())
    words = (str(event.get("timestamp", ""))[:19], event.get("agent_id", ""), event.get("task_id", ""), what, facts)
    return "  ".join(quoting.line(str(word)) for word in words if word)


class Printed:
    """Writes what a session printed, harmless wherever it goes: a pipe mostly ends at a terminal, or at an agent.

    `is_raw`: byte for byte, for programs and files.
    """

    def __init__(self, *, is_raw: bool) -> None:
        self._decoder = None if is_raw else codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, chunk: bytes) -> None:
        """Write the next piece; a letter that is cut in two is written with the rest of it."""
        if self._decoder is None:
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
        else:
            sys.stdout.write(quoting.block(self._decoder.decode(chunk)))
            sys.stdout.flush()
