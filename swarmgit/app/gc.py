"""Removing what is finished and past its time. Nothing here is the only copy of anything: work that has not landed is
under `refs/swarm/salvage`, which is never touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from swarmgit.app.look import Look, look
from swarmgit.app.sessions import folders
from swarmgit.app.views.queue import ACTIVE
from swarmgit.app.world import World
from swarmgit.documents import paths
from swarmgit.model.desired import Swarm
from swarmgit.model.ids import SessionId
from swarmgit.plan import breakdowns


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be: candidate refs of finished entries, session folders and transcripts past their
    time. `leftovers`: what could not be, each in words; the next tick makes an incident of it."""

    is_dry: bool
    refs: tuple[str, ...]
    sessions: int
    transcripts: int = 0
    leftovers: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return `gc --json`."""
        return {
            "version": 1,
            "dry_run": self.is_dry,
            "candidates": list(self.refs),
            "session_folders": self.sessions,
            "transcripts": self.transcripts,
            "leftovers": list(self.leftovers),
        }


def collect(world: World, *, is_dry: bool) -> Collected:
    """Remove candidate refs of entries that are not open, forgotten sessions' folders and transcripts past retention,
    and the files of worktrees that nobody has used for long; worktrees that are leased are not touched."""
    seen = look(world)
    refs = stale_candidates(world, seen)
    swarm = seen.desired.swarm or Swarm(target="")
    before = seen.now - timedelta(days=swarm.retention_days)
    said = world.transcripts.older_than(before)
    if is_dry:
        return Collected(True, refs, len(old_folders(world, before)), len(said))
    for ref in refs:
        world.landing.unpin(ref)
    world.worktrees.gc(swarm.agents_max)
    world.transcripts.drop(said)
    left = tuple(note.what for note in world.notices.all() if note.signature == breakdowns.LEFTOVER)
    return Collected(False, refs, world.executor.gc(before), len(said), left)


def stale_candidates(world: World, seen: Look) -> tuple[str, ...]:
    """Return the refs that pin candidates which will not land any more."""
    entries = seen.observed.entries
    active = {paths.candidate_ref(entry.id) for entry in entries.values() if entry.state in ACTIVE}
    return tuple(sorted(ref for ref in world.objects.refs(f"{paths.CANDIDATE}/") if ref not in active))


def old_folders(world: World, before: datetime) -> list[SessionId]:
    """Return forgotten sessions whose folder has not changed since `before`."""
    known = world.executor.poll(None)
    root = world.repository.live / paths.SESSIONS
    limit = before.timestamp()
    return [name for name in folders(world) if name not in known and (root / name).stat().st_mtime < limit]
