"""Incidents: one for each kind of mishap, counted, with the facts filled in; people add what they find, and close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from swarmgit.documents import quoting
from swarmgit.model.actions import Remove, Save
from swarmgit.model.incidents import Incident, IncidentControl, Note, Occurrence, Report
from swarmgit.model.mail import HUMAN, Letter
from swarmgit.plan import mail
from swarmgit.plan.situation import Draft, Situation
from swarmgit.state import kinds

T = TypeVar("T", bound=str)
OCCURRENCES_MAX = 50
NAMES_MAX = 20
SLUG_CHARS_MAX = 40
WHAT_CHARS_MAX = 2000


def report(situation: Situation, draft: Draft, said: Report) -> None:
    """Note that something went wrong: in the open incident of its signature, else in a new one.

    To be called whenever the thing is seen: the same `key` is counted once, in this tick or a later one.
    """
    known = [incident for incident in _all(situation, draft) if incident.signature == said.signature]
    if any(said.key == each.key for incident in known for each in incident.occurrences):
        return
    is_open = [incident for incident in known if incident.state == "open"]
    if is_open:
        draft.incidents[is_open[-1].id] = _again(situation, is_open[-1], said)
        return
    made = _new(situation, draft, said, tuple(incident.id for incident in known))
    draft.incidents[made.id] = made
    if said.is_urgent:
        mail.from_swarmgit(situation, draft, _letter(made), f"incident/{made.id}")


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


def save(situation: Situation, draft: Draft) -> None:
    """Write what is new or different."""
    for id_, incident in sorted(draft.incidents.items()):
        stored = situation.observed.incidents.get(id_)
        if incident != stored and not situation.observed.is_broken(kinds.INCIDENTS.file(id_)):
            story = f"incident {id_}: {incident.title}" if stored is None else ""
            draft.add(Save(incident, story))


def _all(situation: Situation, draft: Draft) -> list[Incident]:
    known = {**situation.observed.incidents, **draft.incidents}
    return [known[id_] for id_ in sorted(known)]


def _new(situation: Situation, draft: Draft, said: Report, earlier: tuple[str, ...]) -> Incident:
    return Incident(
        id=_id(situation, draft, said.title),
        signature=said.signature,
        title=said.title,
        opened=situation.now,
        detection=said.detection,
        occurrences=(_occurrence(situation, said),),
        agents=_with((), said.agent),
        tasks=_with((), said.task),
        sessions=_with((), said.session),
        cause=said.cause,
        resolution=said.resolution,
        prevention=said.prevention,
        answers=said.answers,
        earlier=earlier[-NAMES_MAX:],
    )


def _again(situation: Situation, incident: Incident, said: Report) -> Incident:
    return replace(
        incident,
        count=incident.count + 1,
        occurrences=(*incident.occurrences, _occurrence(situation, said))[-OCCURRENCES_MAX:],
        agents=_with(incident.agents, said.agent),
        tasks=_with(incident.tasks, said.task),
        sessions=_with(incident.sessions, said.session),
        cause=incident.cause or said.cause,
        resolution=said.resolution or incident.resolution,
        answers=said.answers or incident.answers,
    )


def _with(names: tuple[T, ...], name: T | None) -> tuple[T, ...]:
    return names if name is None or name in names else (*names, name)[-NAMES_MAX:]


def _occurrence(situation: Situation, said: Report) -> Occurrence:
    return Occurrence(situation.now, said.key, said.what[:WHAT_CHARS_MAX])


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
    said = Report(
        signature=f"person/{name}",
        key=name,
        title=control.title,
        what=control.text or control.title,
        detection="tier 3: a person",
        cause=control.cause,
        prevention=control.prevention,
    )
    made = _new(situation, draft, said, ())
    return {made.id: made}


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
