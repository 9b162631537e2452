"""A kind of incident: its texts as templates, and how the facts of an alert fill them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from string import Formatter

from msgspec import Struct

from swarmgit.model.incidents import Alert, Detection, Incident, Occurrence

WHAT_CHARS_MAX = 2000


class IncidentKind(Struct, frozen=True, kw_only=True):
    """A row of the catalogue. Every text may name facts of an alert in braces, also `{agent}`, `{task}`, `{session}`.

    `signature`: the same one is the same incident; '' is the name. `key`: the same one is the same occurrence.
    `prevention`: a line starts with the check of the post-mortem form that it belongs to. `commands`: how a person
    goes on; one that names a fact that is not known is left out. `is_urgent`: a person is told by mail.
    """

    name: str
    title: str
    what: str
    detection: Detection = "rule"
    signature: str = ""
    key: str = "{session}"
    cause: str = ""
    resolution: str = ""
    prevention: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    is_urgent: bool = False

    def title_of(self, alert: Alert) -> str:
        return _filled(self.title, facts_of(alert))

    def what_of(self, alert: Alert) -> str:
        """Return the sentence that tells of one occurrence."""
        return _filled(self.what, facts_of(alert))

    def incident(self, alert: Alert, at: datetime) -> Incident:
        """Return the incident that one alert makes, still without an id."""
        facts = facts_of(alert)
        what = _filled(self.what, facts)[:WHAT_CHARS_MAX]
        return Incident(
            id="",
            signature=_filled(self.signature or self.name, facts),
            title=_filled(self.title, facts),
            opened=at,
            detection=alert.detection or self.detection,
            occurrences=(Occurrence(at, _filled(self.key, facts), what),),
            agents=(alert.agent,) if alert.agent else (),
            tasks=(alert.task,) if alert.task else (),
            sessions=(alert.session,) if alert.session else (),
            cause=_filled(self.cause, facts),
            resolution=_filled(self.resolution, facts),
            prevention=tuple(_filled(line, facts) for line in self.prevention),
            answers=tuple(_filled(each, facts) for each in self.commands if facts_in(each) <= facts.keys()),
        )


class _Facts(dict[str, str]):
    """Facts, of which those that nobody knows are empty: an alert may come from another version of swarmgit."""

    def __missing__(self, name: str) -> str:
        return ""


def facts_of(alert: Alert) -> dict[str, str]:
    """Return everything that an alert says, by the names that texts use."""
    named: Iterable[tuple[str, str | None]] = (
        ("agent", alert.agent),
        ("task", alert.task),
        ("session", alert.session),
    )
    return _Facts({**alert.facts, **{name: value for name, value in named if value is not None}})


def facts_in(text: str) -> set[str]:
    """Return the names of the facts that a text needs."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _filled(text: str, facts: dict[str, str]) -> str:
    return text.format_map(facts).strip()
