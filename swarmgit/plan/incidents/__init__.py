"""Incidents: one for each signature, counted, with the facts filled in; people add what they find, and close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from swarmgit.documents import quoting
from swarmgit.model.actions import Remove, Save
from swarmgit.model.incidents import Alert, Incident, IncidentControl, Note, Occurrence
from swarmgit.model.mail import HUMAN, Letter
from swarmgit.plan import mail
from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.plan.incidents.kind import WHAT_CHARS_MAX
from swarmgit.plan.situation import Draft, Situation
from swarmgit.state import kinds

T = TypeVar("T", bound=str)
OCCURRENCES_MAX = 50
NAMES_MAX = 20
SLUG_CHARS_MAX = 40


def collect(situation: Situation, draft: Draft) -> None:
    """Carry out what people asked for."""
    for name, control in sorted(situation.observed.incident_controls.items()):
        if control.incident is None:
            draft.incidents.update(_by_person(situation, draft, name, control))
        else:
            incident = draft.incidents.get(control.incident) or situation.observed.incidents.get(control.incident)
            if incident is not None:
                draft.incidents[incident.id] = _answered(situation, incident, control)
        draft.add(Remove(kinds.INCIDENT_CONTROL.file(name)))


def record(situation: Situation, draft: Draft) -> None:
    """Count what went wrong in this tick, and write what is new or different."""
    for alert in draft.alerts:
        _count(situation, draft, alert)
    for id_, incident in sorted(draft.incidents.items()):
        stored = situation.observed.incidents.get(id_)
        if incident != stored and not situation.observed.is_broken(kinds.INCIDENTS.file(id_)):
            story = f"incident {id_}: {incident.title}" if stored is None else ""
            draft.add(Save(incident, story))


def _count(situation: Situation, draft: Draft, alert: Alert) -> None:
    """Add an alert to the open incident of its signature, else open one; the same key counts once, in any tick.

    An alert of a kind that is not in the catalogue, noted by another version of swarmgit, is passed over.
    """
    kind = CATALOGUE.get(alert.kind)
    if kind is None:
        return
    fresh = kind.incident(alert, situation.now)
    known = [incident for incident in _all(situation, draft) if incident.signature == fresh.signature]
    if any(fresh.occurrences[0].key == each.key for incident in known for each in incident.occurrences):
        return
    is_open = [incident for incident in known if incident.state == "open"]
    if is_open:
        draft.incidents[is_open[-1].id] = _again(is_open[-1], fresh)
        return
    earlier = tuple(incident.id for incident in known)[-NAMES_MAX:]
    made = replace(fresh, id=_id(situation, draft, fresh.title), earlier=earlier)
    draft.incidents[made.id] = made
    if kind.is_urgent or alert.is_urgent:
        mail.from_swarmgit(situation, draft, _letter(made), f"incident/{made.id}")


def _all(situation: Situation, draft: Draft) -> list[Incident]:
    known = {**situation.observed.incidents, **draft.incidents}
    return [known[id_] for id_ in sorted(known)]


def _again(incident: Incident, fresh: Incident) -> Incident:
    return replace(
        incident,
        count=incident.count + 1,
        occurrences=(*incident.occurrences, *fresh.occurrences)[-OCCURRENCES_MAX:],
        agents=_with(incident.agents, fresh.agents),
        tasks=_with(incident.tasks, fresh.tasks),
        sessions=_with(incident.sessions, fresh.sessions),
        cause=incident.cause or fresh.cause,
        resolution=fresh.resolution or incident.resolution,
        answers=fresh.answers or incident.answers,
    )


def _with(names: tuple[T, ...], more: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*names, *more)))[-NAMES_MAX:]


def _id(situation: Situation, draft: Draft, title: str) -> str:
    """Return `<date>-<nn>-<slug>`; `nn` counts the incidents of a day, also those that lie in the archive."""
    day = f"{situation.now:%Y-%m-%d}"
    numbers = [0, *_numbers(day, (*situation.observed.incidents, *draft.incidents))]
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:SLUG_CHARS_MAX].strip("-") or "incident"
    return f"{day}-{max(numbers) + 1:02d}-{slug}"


def _numbers(day: str, ids: tuple[str, ...]) -> Iterator[int]:
    for id_ in ids:
        number = id_.removeprefix(f"{day}-").partition("-")[0]
        if id_.startswith(day) and number.isdigit():
            yield int(number)


def _letter(incident: Incident) -> Letter:
    happened = quoting.line(incident.occurrences[-1].what)
    answers = "".join(f"    {quoting.line(command)}\n" for command in incident.answers)
    before = f"\nIt happened before: {', '.join(incident.earlier)}\n" if incident.earlier else ""
    body = f"{happened}\n{before}\nWhat answers this:\n{answers}    swarmgit incident show {incident.id}\n"
    task = incident.tasks[-1] if incident.tasks else None
    return Letter((HUMAN,), quoting.line(f"incident: {incident.title}", 200), body, "escalation", "high", task=task)


def _by_person(situation: Situation, draft: Draft, name: str, control: IncidentControl) -> dict[str, Incident]:
    what = (control.text or control.title)[:WHAT_CHARS_MAX]
    id_ = _id(situation, draft, control.title)
    made = Incident(
        id=id_,
        signature=f"person/{name}",
        title=control.title,
        opened=situation.now,
        detection="person",
        occurrences=(Occurrence(situation.now, name, what),),
        cause=control.cause,
        prevention=control.prevention,
    )
    return {id_: made}


def _answered(situation: Situation, incident: Incident, control: IncidentControl) -> Incident:
    note = (Note(control.at or situation.now, control.by, control.text),) if control.text else ()
    answered = replace(
        incident,
        notes=(*incident.notes, *note),
        cause=control.cause or incident.cause,
        prevention=tuple(dict.fromkeys((*incident.prevention, *control.prevention))),
    )
    if not control.is_closed or incident.state == "closed":
        return answered
    resolution = control.text or incident.resolution
    return replace(answered, state="closed", closed=situation.now, closed_by=control.by, resolution=resolution)
