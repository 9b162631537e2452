"""Finding a session, where its files are, and what it printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from swarmgit.app.attribution import stored_status
from swarmgit.app.names import find
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct
from swarmgit.model.ids import SessionId
from swarmgit.model.jobs import Job
from swarmgit.model.sessions import ProgramSpec
from swarmgit.ports.world import ReadWorld

RUNNING = frozenset({"queued", "running"})
POLL_S = 0.2


class WorktreePath(Struct, frozen=True):
    session: SessionId
    path: Path
    is_live: bool


def find_session(world: ReadWorld, name: str) -> SessionId:
    """Return the session called `name`, that alone starts or ends so, or the newest one of the task called so.

    Of a task's: one that runs rather than one that has ended, its agent's rather than a merger's or a triage's.
    """
    jobs = world.executor.poll(None)
    of_task = sorted((job.state in RUNNING, job.spec.kind == "agent", id_) for id_, job in _of_task(jobs, name))
    if of_task:
        return of_task[-1][-1]
    status = stored_status(world, name)
    if status and status.last:
        return status.last.session
    known = {*jobs, *folders(world), *world.transcripts.sessions()}
    ending = [session for session in known if name and session.endswith(name)]
    return ending[0] if len(ending) == 1 else find(name, known, "session")


def _of_task(jobs: Mapping[SessionId, Job], name: str) -> Iterator[tuple[SessionId, Job]]:
    return ((id_, job) for id_, job in jobs.items() if isinstance(job.spec, ProgramSpec) and job.spec.task == name)


def folders(world: ReadWorld) -> list[SessionId]:
    """Return every session whose folder is still there, forgotten ones too."""
    root = world.repository.live / paths.SESSIONS
    if not root.is_dir():
        return []
    return sorted(
        SessionId(entry.name) for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def worktree_of(world: ReadWorld, name: str, *, is_asked_twice: bool = False) -> WorktreePath:
    """Return where a session's files are, or raise when it has given its worktree back.

    Git, editors and shells that a person starts there would obey what the agent has written, so it is not handed out
    to who only wants to look.
    """
    session = find_session(world, name)
    path = world.worktrees.path(session)
    if path is None:
        raise PersonMustAct(f"session {session} has no worktree any more", f"what it did: swarmgit diff {name}")
    if not is_asked_twice:
        raise PersonMustAct(
            f"the worktree of {session} is not to be worked in: git would run the agent's settings there as you",
            f"'swarmgit diff {name}' shows what it changed, 'swarmgit open {name}' lays out its files",
        )
    return WorktreePath(session, path, is_live=_is_live(world, session))


def _is_live(world: ReadWorld, session: SessionId) -> bool:
    job = world.executor.poll([session]).get(session)
    return job is not None and job.state in RUNNING


def read_output(
    world: ReadWorld, session: SessionId, name: str, *, follow: bool, wait: Callable[[float], None] = time.sleep
) -> Iterator[bytes]:
    """Yield a session's file `name` ('stdout.jsonl' or 'stderr.log') in pieces; `follow`: until the session is over.

    Where its folder is gone, what its transcript has of it.
    """
    offset = 0
    while True:
        is_live = follow and _is_live(world, session)
        while chunk := world.executor.read(session, name, offset):
            offset += len(chunk)
            yield chunk
        if not is_live:
            break
        wait(POLL_S)
    if offset == 0 and not world.executor.folder(session).exists():
        yield world.transcripts.read(session, name)
