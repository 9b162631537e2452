"""Reports that are documents: JUnit XML and SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from msgspec import Struct, field

from swarmgit.documents.reports.places import MESSAGE_CHARS_MAX, details_in
from swarmgit.documents.reports.text import lines_of

_BYTES_MAX = 32 << 20
_TEXT_CHARS_MAX = 20_000
_PLACES_MAX = 20


class _RefusedError(Exception):
    """A document type or an entity: no test runner writes one, and they can be made to grow without end."""


class JUnit(Struct, frozen=True):
    tests: int
    failed: int
    places: tuple[dict[str, Any], ...]


class _Case(Struct):
    attributes: dict[str, str]
    outcome: str = ""
    message: str = ""
    text: list[str] = field(default_factory=list)
    size: int = 0


class _Reading(Struct):
    """The callbacks of the parser; a case is judged when its element ends."""

    tests: int = 0
    failed: int = 0
    roots: int = 0
    places: list[dict[str, Any]] = field(default_factory=list)
    case: _Case | None = None
    is_in_outcome: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.roots += name in {"testsuite", "testsuites"}
        if name == "testcase":
            self.case = _Case(attributes)
        elif self.case is not None and name in {"failure", "error", "skipped"} and self.case.outcome != "failure":
            self.case.outcome = name
            self.case.message = attributes.get("message", "")
            self.is_in_outcome = name != "skipped"

    def end(self, name: str) -> None:
        if name in {"failure", "error", "skipped"}:
            self.is_in_outcome = False
        if name == "testcase" and self.case is not None:
            case, self.case = self.case, None
            self.tests += case.outcome != "skipped"
            if case.outcome in {"failure", "error"}:
                self.failed += 1
                if len(self.places) < _PLACES_MAX:
                    self.places.append(_place(case))

    def characters(self, data: str) -> None:
        if self.is_in_outcome and self.case is not None and self.case.size < _TEXT_CHARS_MAX:
            self.case.size += len(data)
            self.case.text.append(data)


def read_junit(content: bytes) -> JUnit | None:
    """Return what a JUnit file says; None when it is none, is broken, too large, or declares a document type."""
    if len(content) > _BYTES_MAX:
        return None
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, _RefusedError, ValueError, LookupError):
        return None
    return JUnit(reading.tests, reading.failed, tuple(reading.places)) if reading.roots else None


def read_sarif(output: str) -> tuple[dict[str, Any], ...] | None:
    """Return the places of a SARIF document, None when the output is none."""
    text = output.strip()
    if not text.startswith("{") or '"runs"' not in text or len(text) > _BYTES_MAX:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    results = [result for run in _items(document, "runs") for result in _items(run, "results")]
    return tuple(place for result in results[:_PLACES_MAX] if (place := _sarif_place(result)))


def _refuse(*_: object) -> None:
    raise _RefusedError


def _place(case: _Case) -> dict[str, Any]:
    text = "".join(case.text)[:_TEXT_CHARS_MAX]
    place: dict[str, Any] = {key: case.attributes[key] for key in ("file",) if case.attributes.get(key)}
    owner, name = case.attributes.get("classname", ""), case.attributes.get("name", "")
    place["test"] = (f"{owner}.{name}" if owner else name)[:MESSAGE_CHARS_MAX]
    line = case.attributes.get("line", "")
    if line.isascii() and line.isdigit() and len(line) < 10:
        place["line"] = int(line)
    found = details_in(lines_of(text))
    place.update({key: value for key, value in found.items() if key != "message"})
    words = case.message.strip() or str(found.get("message", "")) or text.strip()
    if words:
        place["message"] = words.split("\n")[0][:MESSAGE_CHARS_MAX]
    return place


def _sarif_place(result: object) -> dict[str, Any]:
    place: dict[str, Any] = {}
    for location in _items(result, "locations")[:1]:
        physical = _get(location, "physicalLocation")
        uri, region = _get(_get(physical, "artifactLocation"), "uri"), _get(physical, "region")
        if isinstance(uri, str):
            place["file"] = uri[:MESSAGE_CHARS_MAX]
        for key, name in (("line", "startLine"), ("column", "startColumn")):
            number = _get(region, name)
            if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**9:
                place[key] = number
    message = "".join(_words(_get(_get(result, "message"), "text"), _get(result, "ruleId")))
    if message:
        place["message"] = message[:MESSAGE_CHARS_MAX]
    return place


def _words(text: object, rule: object) -> Iterator[str]:
    if isinstance(text, str):
        yield text
    if isinstance(rule, str):
        yield f" ({rule})" if isinstance(text, str) else rule


def _get(value: object, key: str) -> Any:  # noqa: ANN401 - JSON of any shape
    return value.get(key) if isinstance(value, dict) else None


def _items(value: object, key: str) -> list[Any]:
    found = _get(value, key)
    return found if isinstance(found, list) else []
