"""What a gate's output says, where its format is known. Pure; never fails; takes time linear in the output's size."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from swarmgit.documents.reports.counts import count_tests
from swarmgit.documents.reports.places import find_places
from swarmgit.documents.reports.structured import read_junit, read_sarif
from swarmgit.documents.reports.text import clean, lines_of, relevant

PLACES_MAX = 20
_MARKER_CHARS = 48


class Report(Struct, frozen=True):
    """`tests`: how many ran, skipped ones not counted; None: unknown. `failed`: of those, how many did not pass.

    `places`: at most 20 dicts with any of file, line, column, test, message, expected, found.
    """

    tests: int | None = None
    failed: int | None = None
    places: tuple[dict[str, Any], ...] = ()


def read_report(output: str, junit: bytes | None) -> Report:
    """Return what a command printed and, where it wrote one, its JUnit file say. A JUnit file counts more."""
    found = read_junit(junit) if junit else None
    if found is not None:
        places = found.places or (tuple(find_places(lines_of(output))) if found.failed else ())
        return Report(found.tests, found.failed, places[:PLACES_MAX])
    sarif = read_sarif(output)
    if sarif is not None:
        return Report(None, None, sarif[:PLACES_MAX])
    lines = lines_of(output)
    tests, failed = count_tests(lines)
    return Report(tests, failed, tuple(find_places(lines))[:PLACES_MAX])


def excerpt(output: str, chars_max: int = 4000) -> str:
    """Return the relevant output in at most `chars_max` characters: its beginning and, longer, its end."""
    text = clean(output).strip("\n")
    if len(text) <= chars_max:
        return text
    text = relevant(text)
    if len(text) <= chars_max:
        return text
    room = max(0, chars_max - _MARKER_CHARS)
    head = text[: room // 4]
    head = head[: head.rfind("\n") + 1] or head
    tail = text[len(text) - (room - len(head)) :] if room > len(head) else ""
    tail = tail[tail.find("\n") + 1 :] or tail
    marker = f"[... {len(text) - len(head) - len(tail)} characters cut ...]\n"
    head = head if not head or head.endswith("\n") else head + "\n"
    return (head + marker + tail)[:chars_max]
