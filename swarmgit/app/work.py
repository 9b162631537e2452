"""What a task, an entry or a session has made: shown as a difference, or laid out as files. Never the worktree itself.

An agent can write git settings, editor tasks and shell hooks into its worktree; whoever works there runs them.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from swarmgit.app.attribution import stored_status
from swarmgit.app.look import Look, look
from swarmgit.app.sessions import find_session
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct
from swarmgit.model.ids import CommitId, EntryId, SessionId
from swarmgit.model.intake import LeftOut
from swarmgit.model.queue import Entry
from swarmgit.model.status import Attempt
from swarmgit.ports.world import ReadWorld, World


class Work(Struct, frozen=True):
    """`head` None: it is in the worktree of a session that has it still; what it changed is compared with `base`.

    `left_out`: what the session made besides.
    """

    session: SessionId
    base: CommitId
    head: CommitId | None
    left_out: LeftOut | None = None


def find_work(world: ReadWorld, name: str) -> Work | None:
    """Return what a task, an entry or a session has made; None where nothing is called so."""
    seen = look(world)
    entry = _entry(seen, name)
    if entry is not None and entry.task != name:
        made = _attempt(world, seen, entry.session)
        return Work(entry.session, entry.base, entry.work, made.left_out if made else None)
    try:
        session = find_session(world, name)
    except PersonMustAct:
        return None
    attempt = _attempt(world, seen, session)
    if world.worktrees.path(session) is not None and (attempt is None or attempt.head is None):
        return Work(session, attempt.base if attempt else CommitId(""), None)
    if attempt is None or attempt.head is None:
        raise PersonMustAct(f"session {session} has left no work", f"what it printed: swarmgit logs {session}")
    return Work(session, attempt.base, attempt.head, attempt.left_out)


def difference(world: ReadWorld, work: Work) -> str:
    """Return what was changed, as git shows it, and after it what was made besides and left out of the work."""
    if work.head is None:
        return world.worktrees.live_diff(work.session)
    return world.engine.diff(work.base, work.head) + _left_out(world, work.head, work.left_out)


def _left_out(world: ReadWorld, head: CommitId, left: LeftOut | None) -> str:
    """Return what was left out of the work by its names, and the new files among it as git shows them."""
    if left is None or not left.items:
        return ""
    named = "".join(f"  {item}\n" for item in left.items)
    if world.objects.ref(left.ref) != left.commit:
        return f"Left out of the work, and no longer kept:\n{named}"
    return f"Left out of the work, kept as {left.ref}:\n{named}{world.engine.diff(head, left.commit)}"


def open_files(world: World, work: Work) -> Path:
    """Lay out the files as they are, read-only and without git, and return where. What was left out is not there."""
    folder = world.repository.store / paths.VIEWS / work.session
    if work.head is None:
        world.worktrees.live_files(work.session, folder)
    else:
        world.engine.lay_out(work.head, folder)
    return folder


def _entry(seen: Look, name: str) -> Entry | None:
    entries = seen.observed.entries
    found = [entries[id_] for id_ in entries if id_ == name or (len(name) >= ENTRY_PREFIX_MIN and id_.startswith(name))]
    return entries.get(EntryId(name)) or (found[0] if len(found) == 1 else None)


ENTRY_PREFIX_MIN = 8


def _attempt(world: ReadWorld, seen: Look, session: SessionId) -> Attempt | None:
    for status in seen.observed.statuses.values():
        for attempt in status.attempts:
            if attempt.session == session:
                return attempt
    job = world.executor.poll([session]).get(session)
    stored = stored_status(world, job.spec.task) if job is not None and job.spec.task is not None else None
    return next((each for each in stored.attempts if each.session == session), None) if stored is not None else None
