"""Which agent, task, model and session wrote a line, and at what price: from the commit's own trailers and state."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from swarmgit.app.views.tasks import attempt_row
from swarmgit.app.views.times import stamp
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, WrongUsage
from swarmgit.model import trailers
from swarmgit.model.ids import CommitId
from swarmgit.model.renames import called
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds
from swarmgit.state.archive import archived, find

LineCommit = Callable[[str, str, int], CommitId]
"""(revision, path, line counted from 1) → the commit that the line is from; raises PersonMustAct."""


class Place(Struct, frozen=True):
    path: str
    line: int


def parse_place(text: str, cwd: Path, top: Path | None) -> Place:
    """Return 'src/api.py:12' as a place in the repository; a path that exists below `cwd` is meant from there."""
    path, _, line = text.rpartition(":")
    if not path or not line.isdigit() or int(line) < 1:
        raise WrongUsage(f"{text!r} is no place", "write it as PATH:LINE, such as src/api.py:12")
    here = Path(os.path.normpath(cwd / path))
    is_inside = top is not None and here.exists() and here.is_relative_to(top)
    return Place(here.relative_to(top).as_posix() if is_inside and top else path, int(line))


def attribute(world: ReadWorld, place: Place, rev: str | None, line_commit: LineCommit) -> dict[str, Any]:
    """Return `blame --json`; `task` None: no agent wrote the line."""
    target = world.repository.target
    where = rev or (paths.branch_ref(target) if target else None)
    if where is None:
        raise PersonMustAct("there is no target branch to look in", "name a revision with --rev")
    commit = line_commit(where, place.path, place.line)
    info = world.objects.commit(commit)
    who = trailers.parse(info.message)
    attempt = _attempt(world, who.get("task"), who.get("session"))
    return {
        "version": 1,
        "path": place.path,
        "line": place.line,
        "commit": commit,
        "author": info.author,
        "at": stamp(info.committed),
        "task": who.get("task"),
        "agent": who.get("agent"),
        "model": who.get("model"),
        "session": who.get("session"),
        "attempt": int(who["attempt"]) if who.get("attempt", "").isdigit() else None,
        "tokens": attempt.usage.tokens if attempt else None,
        "usd": attempt.usage.usd if attempt else None,
        "record": attempt_row(attempt) if attempt else None,
    }


def _attempt(world: ReadWorld, task: str | None, session: str | None) -> Attempt | None:
    status = stored_status(world, task) if task else None
    return next((each for each in status.attempts if each.session == session), None) if status else None


def stored_status(world: ReadWorld, task: str) -> TaskStatus | None:
    """Return a task's status from the hot folder or else from the newest archive that has it."""
    head = world.state.head()
    return find(world.objects, head, kinds.TASKS, task) or _renamed(world, head, task)


def _renamed(world: ReadWorld, head: CommitId | None, task: str) -> TaskStatus | None:
    """Return the status of the task that was called so before, in the hot folder or the archive."""
    tree = world.objects.resolve(f"{head}:{kinds.TASKS.place}") if head is not None else None
    hot = world.objects.walk(tree, kinds.TASKS.place) if tree is not None else {}
    files = archived(world.objects, head, kinds.TASKS) | {path: entry.oid for path, entry in hot.items()}
    texts = ((path, world.objects.blob(oid)) for path, oid in files.items())
    found = (kinds.TASKS.read(path, text) for path, text in texts if b"renamed_" in text and task.encode() in text)
    return called({status.task: status for status in found}, task)
