"""Agents and attribution as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmgit.app.views.words import counted
from swarmgit.cli.render import money, tokens
from swarmgit.cli.table import table
from swarmgit.documents import quoting

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
            tokens(each["tokens"], at_least=each["tokens_at_least"]),
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
    yield f"{done}, first pass {percent(document['first_pass_rate'])}, rework {percent(document['rework_rate'])}"
    yield f"reworked {document['reworked']}, failed {document['failed']}"
    mean = document["tokens_per_task"]
    used = tokens(document["tokens"], at_least=document["tokens_at_least"])
    yield f"tokens {used}, usd {money(document['usd'])}"
    if mean is not None:
        yield f"for each completed task: tokens {tokens(round(mean))}, usd {money(document['usd_per_task'])}"
    if document["strengths"]:
        yield f"best at {', '.join(map(quoting.line, document['strengths']))}"
    tables = (("model", "by_model"), ("domain", "by_domain"), ("kind", "by_kind"))
    for title, counts in ((title, document[key]) for title, key in tables):
        for name, values in counts.items():
            yield f"  {title} {name}: " + ", ".join(f"{key} {value}" for key, value in values.items())
    for each in document["recent"]:
        yield "  " + quoting.line(" ".join(f"{key}={value}" for key, value in each.items()))


def route_text(document: Document, width: int | None = None) -> str:
    """Return what `route` prints: the choice, why, and what each agent of the role has to show for such work."""
    head = f"{document['task']} ({quoting.line(document['kind'])}): {document['agent'] or 'nobody now'}"
    if not document["candidates"]:
        return f"{head}\n{document['reason']}"
    rows = [
        (
            each["agent"],
            f"{each['won']}/{each['tried']}",
            f"{each['related_won']}/{each['related_tried']}",
            f"{each['bound']:.3f}",
            str(each["load"]),
            f"{each['score']:.3f}",
            each["standing"],
        )
        for each in document["candidates"]
    ]
    header = ("AGENT", "SUCH WORK", "LIKE IT", "BOUND", "LOAD", "SCORE", "")
    prior = f"every record starts from {document['prior']:.0%}, the rate of the role at such work"
    return "\n".join([head, document["reason"], prior, table(header, rows, width)])


def blame_text(document: Document) -> str:
    """Return what `blame` prints."""
    return "\n".join(_blame(document))


def _blame(document: Document) -> Iterator[str]:
    yield f"{document['path']}:{document['line']} is from {document['commit']}, {document['at']}"
    if document["task"] is None:
        yield f"written by {quoting.line(document['author'])}: no agent's work"
        return
    yield f"agent {document['agent']}, task {document['task']}, attempt {document['attempt']}"
    yield f"model {document['model']}, session {document['session']}"
    yield f"tokens {tokens(document['tokens'] or 0)}, usd {money(document['usd'])}"
    yield f"look further: git show {document['commit']}, swarmgit task show {document['task']}"
