"""What git says when it refuses, without what it adds for people who look at a terminal."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from swarmgit.adapters.git.opened import is_open
from swarmgit.model.checkouts import IndexLock

COUNSEL = "\n\nAnother git process seems to be running"
LOCK = re.compile(r"'([^'\n]+\.lock)': File exists")


def complaint(stderr: str) -> str:
    """Return git's complaint: no hints, no counsel, and of a lock in its way which file that is, since when, and what
    helps."""
    lines = [line for line in stderr.partition(COUNSEL)[0].splitlines() if not line.startswith("hint:")]
    words = "\n".join(lines).strip()
    found = LOCK.search(words)
    return (lock_words(Path(found[1])) if found else "") or words


def lock_words(path: Path) -> str:
    """Return who holds a lock, since when, and what helps; '' where it has gone."""
    with suppress(OSError):
        lock = IndexLock(str(path), datetime.fromtimestamp(path.stat().st_mtime, UTC), is_open(path))
        since = f"{lock.path}, made at {lock.since:%Y-%m-%d %H:%M:%S} UTC"
        if lock.is_used:
            return f"a git command that is at work holds {since}"
        return f"a git command that is not there any more left {since}; this removes it: rm {quote(lock.path)}"
    return ""
