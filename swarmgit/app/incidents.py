"""Incidents as people have them: read from the state branch; what a person adds is a request for the next tick."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from swarmgit.app.control import write_request
from swarmgit.app.names import find
from swarmgit.errors import WrongUsage
from swarmgit.model.ids import ulid
from swarmgit.model.incidents import Incident, IncidentControl
from swarmgit.ports.world import ReadWorld, World
from swarmgit.state import kinds
from swarmgit.state.reading import StateReader


def listed(world: ReadWorld, *, is_all: bool) -> tuple[Incident, ...]:
    """Return the open incidents, or all that are not archived, oldest first."""
    known = StateReader(world.objects, world.cache).read(world.state.head()).incidents
    return tuple(known[id_] for id_ in sorted(known) if is_all or known[id_].state == "open")


def named(world: ReadWorld, name: str) -> Incident:
    """Return one incident by its id or the start of it."""
    known = {incident.id: incident for incident in listed(world, is_all=True)}
    return known[find(name, known, "incident")]


def open_one(world: World, title: str, text: str, by: str) -> None:
    """Ask for a new incident."""
    if not title.strip():
        raise WrongUsage("an incident needs a title", "swarmgit incident new 'the disk was full'")
    _ask(world, IncidentControl(title=title, text=text, by=by), f"Incident: {title}")


def note(world: World, name: str, text: str, by: str) -> str:
    """Add what a person found to an incident, and return its id."""
    id_ = named(world, name).id
    _ask(world, IncidentControl(incident=id_, text=text, by=by), f"Note on incident {id_}")
    return id_


def close(world: World, name: str, by: str, text: str = "", cause: str = "", prevention: Sequence[str] = ()) -> str:
    """Close an incident with what was done, its cause and what prevents it, and return its id."""
    id_ = named(world, name).id
    control = IncidentControl(id_, text=text, cause=cause, prevention=tuple(prevention), is_closed=True, by=by)
    _ask(world, control, f"Close incident {id_}")
    return id_


def _ask(world: World, control: IncidentControl, message: str) -> None:
    now = world.clock.now()
    name = ulid(now, f"{control.incident} {control.title} {control.text} {control.by}")
    write_request(world, kinds.INCIDENT_CONTROL.file(name), replace(control, at=now), message, now)
