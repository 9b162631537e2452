"""What was spent, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmgit.app.views.money import budget_text
from swarmgit.app.views.words import counted
from swarmgit.cli.render import tokens
from swarmgit.cli.table import table

Document = Mapping[str, Any]
HEADER = ("SESSIONS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "USD", "HOURS")


def cost_text(document: Document, by: str, width: int | None = None) -> str:
    """Return what `cost` prints: a table by one of the groups, and what it comes to."""
    if not document["total"]["sessions"]:
        return "no session has run here yet"
    rows = [(row["name"], *_cells(row)) for row in (*document[f"{by}s"], document["total"])]
    return "\n".join((table((by.upper(), *HEADER), rows, width), "", *_summary(document)))


def _cells(row: Document) -> tuple[str, ...]:
    is_least = row["uncounted"] > 0
    asked = (tokens(row[name], at_least=is_least) for name in ("input_tokens", "output_tokens"))
    cached = (tokens(row[name]) for name in ("cache_read_tokens", "cache_write_tokens"))
    return (str(row["sessions"]), *asked, *cached, priced(row), f"{row['hours']:.2f}")


def priced(row: Document) -> str:
    """Return a sum of prices; one that leaves sessions out says so, one that nobody knows is no zero."""
    if row["usd"] is None:
        return "unknown" if row["unpriced"] else "-"
    return f"{row['usd']:.4f}" + (f" + {row['unpriced']} unknown" if row["unpriced"] else "")


def _summary(document: Document) -> Iterator[str]:
    least = "at least " if document["total"]["unpriced"] else ""
    yield f"{counted(document['landed_tasks'], 'task')} done; each cost {_usd(document['usd_per_landed_task'], least)}"
    yield f"an hour of an agent costs {_usd(document['usd_per_agent_hour'])}"
    yield f"the last hour cost {_usd(document['burn_usd_per_hour'])}"
    yield f"what had to be done again cost {_usd(document['rework_usd'], least)}"
    budget = budget_text(document["budget"])
    if budget:
        yield budget
    yield from (row["text"] for row in document["convoy_budgets"])
    yield from _subscription(document)


def _subscription(document: Document) -> Iterator[str]:
    """Yield what a flat plan gave this month: it costs the same whatever is done with it."""
    monthly = document["subscription_usd_per_month"]
    if monthly is None:
        return
    month = document["month"]
    said = f"a plan at {monthly:.2f} USD a month pays for this: {tokens(month['tokens'])} tokens in {month['name']}"
    if month["usd"] is None:
        yield f"{said}, whose list price is not known"
    else:
        least = "at least " if month["unpriced"] else ""
        yield f"{said}, by list price {least}{month['usd']:.2f} USD ({month['usd'] / monthly:.0%} of the plan)"


def _usd(value: float | None, least: str = "") -> str:
    return "an unknown price" if value is None else f"{least}{value:.4f} USD"
