"""Agents and attribution as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmgit.app.views.words import counted
from swarmgit.cli.render import money, tokens
from swarmgit.cli.table import printable, table

Document = Mapping[str, Any]


def agents_text(document: Document, width: int | None = None) -> str:
    """Return what `agents` prints."""
    rows = [
        (
            each["name"],
            each["role"],
            str(each["sessions"]),
            str(each["tasks_completed"]),
            percent(each["first_pass_rate"]),
            tokens(each["tokens"]),
            money(each["usd"]),
            each["task"] or "-",
        )
        for each in document["agents"]
    ]
    header = ("AGENT", "ROLE", "SESSIONS", "DONE", "FIRST PASS", "TOKENS", "USD", "NOW AT")
    return table(header, rows, width) if rows else "no agent has worked here yet"


def percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0%}"


def agent_text(document: Document) -> str:
    """Return what `agents show` prints."""
    return "\n".join(_agent(document))


def _agent(document: Document) -> Iterator[str]:
    yield f"{document['name']} ({document['role']}), since {document['created']}"
    done = f"{counted(document['tasks_completed'], 'task')} completed in {counted(document['sessions'], 'session')}"
    yield f"{done}, first pass {percent(document['first_pass_rate'])}"
    yield f"reworked {document['reworked']}, failed {document['failed']}"
    yield f"tokens {tokens(document['tokens'])}, usd {money(document['usd'])}"
    for title, counts in (("model", document["by_model"]), ("domain", document["by_domain"])):
        for name, values in counts.items():
            yield f"  {title} {name}: " + ", ".join(f"{key} {value}" for key, value in values.items())
    for each in document["recent"]:
        yield "  " + printable(" ".join(f"{key}={value}" for key, value in each.items()))


def blame_text(document: Document) -> str:
    """Return what `blame` prints."""
    return "\n".join(_blame(document))


def _blame(document: Document) -> Iterator[str]:
    yield f"{document['path']}:{document['line']} is from {document['commit']}, {document['at']}"
    if document["task"] is None:
        yield f"written by {printable(document['author'])}: no agent's work"
        return
    yield f"agent {document['agent']}, task {document['task']}, attempt {document['attempt']}"
    yield f"model {document['model']}, session {document['session']}"
    yield f"tokens {tokens(document['tokens'] or 0)}, usd {money(document['usd'])}"
    yield f"look further: git show {document['commit']}, swarmgit task show {document['task']}"
