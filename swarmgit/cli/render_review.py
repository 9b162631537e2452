"""What waits for a person's verdict, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmgit.cli.table import table
from swarmgit.documents import quoting

Document = Mapping[str, Any]


def reviews_text(document: Document, width: int | None = None) -> str:
    """Return what `review list` prints."""
    rows = [(each["task"], each["entry"], each["agent"], each["since"], each["why"]) for each in document["reviews"]]
    return table(("TASK", "ENTRY", "AGENT", "SINCE", "WHY"), rows, width) if rows else "nothing waits for a review"


def review_text(document: Document) -> str:
    """Return what `review show` prints: the task, the gates, the difference, and what to run next."""
    return "\n".join(_review(document))


def _review(document: Document) -> Iterator[str]:
    yield f"task {document['task']}: {quoting.line(document['title'])}"
    yield from (f"  {quoting.line(line)}" for line in document["description"].splitlines())
    yield f"work of {document['agent']} ({document['model']}), session {document['session']}"
    yield f"a person has to review it, because {quoting.line(document['why'])}"
    for gate in document["gates"]:
        yield f"  gate {gate['gate']}: {gate['outcome']}"
    yield from (quoting.block(line) for line in document["diff"].split("\n"))
    yield f"let it land: swarmgit review pass {document['task']}"
    yield f"send it back: swarmgit review fail {document['task']} --text 'what is wrong'"
