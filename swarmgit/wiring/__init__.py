"""The only place that picks real adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.git.discover import FoundRepository, discover
from swarmgit.adapters.lock import ReconcilerLock
from swarmgit.adapters.surroundings import Surroundings, has_entries, keep_surroundings, recorded
from swarmgit.documents import paths
from swarmgit.ports.machine import Clock
from swarmgit.ports.world import ReadWorld, World
from swarmgit.wiring.acting import Acting
from swarmgit.wiring.reading import Opened, Reading

SANDBOXES = ("bubblewrap", "landlock", "sandbox-exec")
"""The kinds of sandbox, the best first."""


def open_reading(cwd: Path, environ: Mapping[str, str]) -> ReadWorld:
    """Return the repository around `cwd` for a command that writes nothing, not even a cache."""
    return Reading(Opened(*_found(cwd, environ, lead=False), environ, SystemClock(), SANDBOXES))


def open_world(
    cwd: Path,
    environ: Mapping[str, str],
    *,
    lead: bool = False,
    clock: Clock | None = None,
    fault: Callable[[str], None] | None = None,
    sandboxes: Sequence[str] = SANDBOXES,
) -> World:
    """Return the world of the repository around `cwd`.

    `lead`: take the reconciler's lock first, so that every child that moves refs inherits it. Who does not lead sees
    the surroundings of who led last. `sandboxes`: the kinds of sandbox to look for, the best first.
    """
    found, place = _found(cwd, environ, lead=lead)
    the_clock = clock or SystemClock()
    lock = ReconcilerLock(found.live / paths.LOCK, the_clock)
    if lead:
        lock.acquire()
        place = keep_surroundings(found.live, environ, found.store)
    world = Acting(Opened(found, place, environ, the_clock, sandboxes), lock, fault, is_leader=lead)
    if lead:
        world.load()
    return world


def _found(cwd: Path, environ: Mapping[str, str], *, lead: bool) -> tuple[FoundRepository, Surroundings | None]:
    """Return the repository with its worktrees' place, and for who does not lead the surroundings of who led last.

    A new place for worktrees counts once no session is left that has one in the old place.
    """
    found = discover(cwd, environ)
    place = recorded(found.live)
    if place is None or (lead and not has_entries(found.live / paths.ACTIVE)):
        return found, None
    return replace(found, store=Path(place.store)), None if lead else place
