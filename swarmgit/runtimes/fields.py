"""Reading values out of JSON that a program of somebody else's wrote: the wrong type is nothing, never an error.

Every adapter reads every field by one of these, so that what one of them refuses no adapter lets through.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from swarmgit.model.usage import Usage

_TOKENS_MAX = 10**12
_USD_MAX = 10.0**6
_NUMBER_MAX = 10**15
_STATUS_MIN, _STATUS_MAX = 100, 599
_NAME_CHARS_MAX = 200
_WORDS_CHARS_MAX = 2000
_PATH_CHARS_MAX = 4096
_CONVERSATION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}")
"""It becomes an argument of the program, and with some a path: no dash in front, no folder."""

_YEAR_MIN, _YEAR_MAX = 1970, 2200
"""Instants are added to: those at the ends of the calendar are none."""

SECONDS_MAX = 30 * 86_400.0
"""No provider asks for a longer wait."""


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
    """Return a finite number that is not absurd; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_NUMBER_MAX <= value <= _NUMBER_MAX:
        return None
    return float(value)


def seconds(value: object) -> float | None:
    """Return how long to wait; None for what is no number, negative, or longer than anybody waits."""
    found = number(value)
    return found if found is not None and 0 <= found <= SECONDS_MAX else None


def parsed(digits: str) -> float | None:
    """Return the number that a text says; None where it says none, or an absurd one."""
    try:
        found = float(digits[:40])
    except ValueError:
        return None
    return number(found) if math.isfinite(found) else None


def status(value: object) -> int | None:
    """Return an HTTP status; None for anything else."""
    found = tokens(value)
    return found if _STATUS_MIN <= found <= _STATUS_MAX else None


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def texts(value: object) -> Iterator[str]:
    """Yield the texts of a list."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))


def choice(value: object, known: Collection[str]) -> str | None:
    """Return a word if it is a known one."""
    return value if isinstance(value, str) and value in known else None


def name(value: object) -> str:
    """Return a name in one short line that can be shown; '' for what is none."""
    if not isinstance(value, str):
        return ""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in value[:_NAME_CHARS_MAX])
    return shown.strip()


def conversation(value: object) -> str | None:
    """Return the name of a conversation; None for what cannot be one."""
    return value if isinstance(value, str) and _CONVERSATION.fullmatch(value) else None


def table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings of a list."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def leaves(value: object) -> Iterator[str]:
    """Yield the texts anywhere inside a value, the names of keys included; nothing is too deep."""
    left = [value]
    while left:
        here = left.pop()
        if isinstance(here, str):
            yield here
        elif isinstance(here, dict):
            left.extend(here.keys())
            left.extend(here.values())
        elif isinstance(here, list):
            left.extend(here)


def instant(value: object) -> datetime | None:
    """Return an instant in UTC from ISO 8601 with an offset, or from seconds (or milliseconds) since 1970."""
    since = number(value)
    try:
        if since is not None:
            found = datetime.fromtimestamp(since / 1000 if since > 1e11 else since, UTC) if since > 1e9 else None
        else:
            at = datetime.fromisoformat(text(value)[:40])
            found = at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found is not None and _YEAR_MIN <= found.year <= _YEAR_MAX else None


def usage(value: object) -> Usage:
    """Return counts that are counts, whatever an adapter has put together."""
    if not isinstance(value, Usage):
        return Usage()
    fresh, written = tokens(value.input_tokens), tokens(value.output_tokens)
    return Usage(fresh, written, tokens(value.cache_read_tokens), tokens(value.cache_write_tokens), usd(value.usd))


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


def words(value: object) -> str:
    """Return a text that is safe to show and to keep; '' for what is none."""
    return plain(value)[:_WORDS_CHARS_MAX].strip() if isinstance(value, str) else ""


def plain(text: str) -> str:
    """Return at most 4,096 characters, those that cannot be shown replaced."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text[:_PATH_CHARS_MAX])
