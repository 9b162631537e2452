"""Removing what is finished and past its time. Nothing here is the only copy of anything: work that has not landed is
under `refs/swarm/salvage`, which is never touched."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from swarmgit.app.look import Look, look
from swarmgit.app.sessions import folders
from swarmgit.app.views.queue import ACTIVE
from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.desired import Swarm
from swarmgit.model.ids import EntryId, SessionId, TaskId
from swarmgit.model.mail import sent_at_ms
from swarmgit.model.renames import called
from swarmgit.model.sessions import MergeSpec
from swarmgit.model.status import FINISHED
from swarmgit.plan.attempts import WASTE
from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.ports.world import ReadWorld, World

PRUNED_AFTER = timedelta(hours=1)
"""What was written more recently may be about to be pinned, whatever the retention."""


class Collected(Struct, frozen=True):
    """What was removed, or would be: candidate refs of finished entries, session folders and transcripts past their
    time. `leftovers`: what could not be, each in words; the next tick makes an incident of it.

    `pins`: refs of the engine that kept finished work. `objects`: of the engine's, how many; None: not looked at,
    because a reconcile leads, or would be looked at.
    """

    is_dry: bool
    refs: tuple[str, ...]
    sessions: int
    transcripts: int = 0
    leftovers: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    objects: int | None = None

    def document(self) -> dict[str, Any]:
        """Return `gc --json`."""
        return {
            "version": 1,
            "dry_run": self.is_dry,
            "candidates": list(self.refs),
            "session_folders": self.sessions,
            "transcripts": self.transcripts,
            "leftovers": list(self.leftovers),
            "pins": list(self.pins),
            "objects": self.objects,
        }


def collect(world: World, *, is_dry: bool) -> Collected:
    """Remove candidate refs of entries that are not open, forgotten sessions' folders and transcripts past retention,
    what the engine keeps of work that was finished so long ago, and the files of worktrees that nobody has used for
    long; worktrees that are leased are not touched."""
    seen = look(world)
    refs = stale_refs(world, seen)
    swarm = seen.desired.swarm or Swarm(target="")
    before = seen.now - timedelta(days=swarm.retention_days)
    said = world.transcripts.older_than(before)
    pins = stale_pins(world, seen, before)
    if is_dry:
        return Collected(True, refs, len(old_folders(world, before)), len(said), pins=pins)
    world.engine.withdraw(refs)
    for pin in pins:
        world.engine.unpin(pin)
    world.worktrees.gc(swarm.agents_max)
    world.transcripts.drop(said)
    unread = (f"session {each}: its record cannot be read; swarmgit reconcile" for each in world.executor.damaged())
    leftover = (note for note in world.notices.all() if note.kind == "worktree/leftover")
    left = (*(CATALOGUE[note.kind].what_of(note) for note in leftover), *unread)
    objects = _prune(world, min(before, seen.now - PRUNED_AFTER))
    return Collected(False, refs, world.executor.gc(before), len(said), left, pins, objects)


def stale_pins(world: ReadWorld, seen: Look, before: datetime) -> tuple[str, ...]:
    """Return the refs of the engine that keep what was made before `before` for tasks and entries that are finished.

    What did not land of it is under `refs/swarm/salvage` and `refs/swarm/abandoned`, in the person's repository; what
    could not be saved there, because a person went on without it, is kept here.
    """
    live = world.executor.poll(None)
    old_ms = before.timestamp() * 1000
    found = [ref for ref in world.engine.pins() if 0 < sent_at_ms(ref.rpartition("/")[2]) < old_ms]
    return tuple(sorted(ref for ref in found if _is_over(seen, live, ref)))


def _is_over(seen: Look, live: Container[SessionId], ref: str) -> bool:
    """Return whether a ref of the engine keeps a candidate that will not land, or work of a task that is finished."""
    folder, _, name = ref.rpartition("/")
    if folder == paths.CANDIDATE:
        return not _is_open(seen, EntryId(name))
    kind, _, task = folder.rpartition("/")
    is_over = kind == paths.CAPTURED and SessionId(name) not in live and _is_finished(seen, TaskId(task))
    return is_over and not _is_only_here(seen, TaskId(task), SessionId(name))


def _is_only_here(seen: Look, task: TaskId, session: SessionId) -> bool:
    """Return whether an attempt's work did not land and was not saved elsewhere."""
    status = called(seen.observed.statuses, task)
    attempt = next((a for a in status.attempts if a.session == session), None) if status else None
    return attempt is not None and attempt.salvage is None and attempt.outcome in WASTE


def _is_finished(seen: Look, task: TaskId) -> bool:
    status = called(seen.observed.statuses, task)
    return status.phase in FINISHED if status is not None else task in seen.observed.archived


def _is_open(seen: Look, entry: EntryId) -> bool:
    found = seen.observed.entries.get(entry)
    return found is not None and found.state in ACTIVE


def _prune(world: World, before: datetime) -> int | None:
    """Delete objects of the engine that nobody can need; None where somebody leads, who may just come to need one."""
    try:
        world.lock.acquire()
    except SwarmError:
        return None
    try:
        kept: set[str] = {*world.worktrees.commits()}
        for tried in world.cache.merges().values():
            kept |= {tried.base, tried.head, *((tried.commit,) if tried.commit else ())}
        for job in world.executor.poll(None).values():
            kept |= {job.spec.base, *((job.spec.head,) if isinstance(job.spec, MergeSpec) else ())}
        return world.engine.prune(before, tuple(kept))
    finally:
        world.lock.release()


def stale_refs(world: ReadWorld, seen: Look) -> tuple[str, ...]:
    """Return the refs that pin candidates, or submitted work, of entries that are not open any more."""
    entries = [entry for entry in seen.observed.entries.values() if entry.state in ACTIVE]
    active = {paths.candidate_ref(entry.id) for entry in entries}
    active |= {paths.submitted_ref(entry.task, entry.session) for entry in entries}
    found = (*world.objects.refs(f"{paths.CANDIDATE}/"), *world.objects.refs(f"{paths.SUBMITTED}/"))
    return tuple(sorted(ref for ref in found if ref not in active))


def old_folders(world: ReadWorld, before: datetime) -> list[SessionId]:
    """Return forgotten sessions whose folder has not changed since `before`."""
    known = world.executor.poll(None)
    root = world.repository.live / paths.SESSIONS
    limit = before.timestamp()
    return [name for name in folders(world) if name not in known and (root / name).stat().st_mtime < limit]
