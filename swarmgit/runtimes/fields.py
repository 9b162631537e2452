"""Reading values out of JSON that a program of somebody else's wrote: the wrong type is nothing, never an error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from swarmgit.model.usage import Usage

_TOKENS_MAX = 10**12
_USD_MAX = 10.0**6


def tokens(value: object) -> int:
    """Return a count; what is none, negative or absurd is 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _TOKENS_MAX:
        return 0
    return int(value)


def usd(value: object) -> float | None:
    """Return a price; what is none, negative or absurd is unknown, which is not free."""
    number_ = number(value)
    return number_ if number_ is not None and 0 <= number_ <= _USD_MAX else None


def number(value: object) -> float | None:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings of a list."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def instant(value: object) -> datetime | None:
    """Return an instant in UTC from ISO 8601 with an offset, or from seconds (or milliseconds) since 1970."""
    seconds = number(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC) if seconds > 1e9 else None
        at = datetime.fromisoformat(str(value or "")[:40])
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


def with_cache_inside(said: Mapping[str, Any], inside: str, read: str, output: str, write: str = "") -> Usage:
    """Return the usage of a program whose input count includes what came from a cache or went into one."""
    cached, written = tokens(said.get(read)), tokens(said.get(write))
    return Usage(max(0, tokens(said.get(inside)) - cached - written), tokens(said.get(output)), cached, written)


def detail_of(arguments: object) -> str:
    """Return what a tool was used on, in few words."""
    given = table(arguments)
    for key in ("command", "cmd", "file_path", "filePath", "path", "absolute_path", "pattern", "query", "url"):
        if isinstance(given.get(key), str):
            return str(given[key])[:200]
    return ""
