"""Write docs/incidents.md from the catalogue of incidents: `python docs/make_incidents.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.plan.incidents.kind import IncidentKind

OUT = Path(__file__).with_name("incidents.md")
WIDTH = 118
HEAD = """\
# Incidents, one by one

Made by `python docs/make_incidents.py` from the catalogue in `swarmgit/plan/incidents/`. Words in braces stand for
the facts of the case. [watchdog.md](watchdog.md#incidents) says how incidents are counted, closed and linked.
An incident that is *urgent* also goes to people by mail.
"""


def page() -> str:
    """Return the whole page."""
    by_signature = {kind.signature or kind.name: kind for kind in reversed([*CATALOGUE.values()])}
    return HEAD + "".join(f"\n{line}\n" for _, kind in sorted(by_signature.items()) for line in _section(kind))


def _section(kind: IncidentKind) -> Iterator[str]:
    yield f"## `{kind.signature or kind.name}`"
    yield _wrapped(f"**{kind.title}**. Found by: {kind.detection}{'; urgent' if kind.is_urgent else ''}.")
    for name, text in (("Cause", kind.cause), ("What follows", kind.resolution), ("Prevention", _list(kind))):
        if text and text != "{hint}":
            yield _wrapped(f"{name}: {text}")
    yield _wrapped(f"What helps: {', '.join(f'`{each}`' for each in kind.commands)}")


def _list(kind: IncidentKind) -> str:
    return "; ".join(line.rstrip(".") for line in kind.prevention)


def _wrapped(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    OUT.write_text(page(), encoding="utf-8")
