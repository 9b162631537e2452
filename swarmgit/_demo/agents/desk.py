"""The little that these scripted agents share: they bring prepared files into their worktree and say so."""

import json
import os
import sys
from pathlib import Path

ATTEMPT = int(os.environ["SWARM_ATTEMPT"])
PREPARED = Path(__file__).parent / "work"


def say(**fields):
    """Print one JSON line: what swarmgit reads of an agent."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def write(path, text):
    """Write a file of the worktree, which is the current folder, and report it."""
    say(type="action", action="edit" if Path(path).exists() else "create", file=path)
    Path(path).write_text(text, encoding="utf-8")


def deliver(name):
    """Write every file that was prepared for a task."""
    top = PREPARED / name
    for prepared in sorted(path for path in top.rglob("*") if path.is_file()):
        write(prepared.relative_to(top).as_posix(), prepared.read_text(encoding="utf-8"))


def feedback():
    """Return what came back after the last attempt, None where nothing did."""
    return json.loads(Path(os.environ["SWARM_FEEDBACK_FILE"]).read_text(encoding="utf-8"))


def message(text):
    """Leave the commit's message in the outbox."""
    (Path(os.environ["SWARM_OUTBOX"]) / "message.md").write_text(text, encoding="utf-8")


def register(name):
    """Add a command to the one line of the registry that everybody edits."""
    path = "src/tally/registry.py"
    before = Path(path).read_text(encoding="utf-8")
    write(path, before.replace(")\n", f' "{name}")\n' if before.endswith(",)\n") else f', "{name}")\n'))
