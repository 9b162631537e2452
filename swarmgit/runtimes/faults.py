"""What an error of a provider or of an agent program means: who must act, and when it is worth trying again.

Programs mostly pass on the provider's HTTP status or its words; both are judged here, for every adapter alike.
"""

from __future__ import annotations

import re
from datetime import datetime

from swarmgit.model.events import Fault, FaultKind
from swarmgit.runtimes import fields

MESSAGE_CHARS_MAX = 8000
"""Of an error's words so many are judged: sixty patterns over a megabyte would take long."""

_STATUS = re.compile(r"(?:status(?: code)?|error|HTTP|code)\W{1,4}(\d{3})\b|\((\d{3})\)|\b(\d{3}) \{", re.IGNORECASE)
_UNITS = "ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?"
_WAIT = re.compile(
    rf"(?:retry|try again|reset\w*|wait)\D{{0,20}}?((?:\d+(?:\.\d+)?\s*(?:{_UNITS})\b\s*){{1,4}})", re.IGNORECASE
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_EPOCH = re.compile(r"\|(\d{10,13})\b")
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "s": 1.0}

_WORDS: tuple[tuple[FaultKind, tuple[str, ...]], ...] = (
    (
        "conversation",
        (
            "no conversation found",
            "no rollout found",
            "session .{0,80}not found",
            "no (?:saved )?session",
            "no session, task",
        ),
    ),
    (
        "context",
        (
            "context.{0,12}(?:window|length|limit)",
            "prompt (?:is|as) too long",
            "too many tokens",
            "maximum number of tokens",
            "ran out of room",
            "input is too long",
        ),
    ),
    (
        "rate-limit",
        ("rate.?limit", "too many requests", "usage limit", "quota", "resource_exhausted", "limit reached"),
    ),
    (
        "auth",
        (
            "not logged in",
            r"log ?in\b",
            "unauthori[sz]ed",
            "authenticat",
            "api.?key",
            "credential",
            "permission_error",
            "forbidden",
        ),
    ),
    (
        "config",
        ("model.{0,40}(?:not (?:exist|found|supported)|may not exist)", "unknown model", "no such model"),
    ),
    (
        "transient",
        (
            "overloaded",
            "high demand",
            "disconnect",
            "connection",
            "timed? ?out",
            "timeout",
            "econn",
            "network",
            "temporar",
            "unavailable",
            "try again",
            "server.?error",
            "fetch failed",
            "terminated",
        ),
    ),
)
_KINDS = tuple((kind, re.compile("|".join(words), re.IGNORECASE)) for kind, words in _WORDS)


def fault(
    message: str, status: int | None = None, *, wait_s: float | None = None, until: datetime | None = None
) -> Fault:
    """Return what an error means. `status`: the provider's HTTP status where the program says it."""
    message = message[:MESSAGE_CHARS_MAX]
    code = status or status_in(message)
    return Fault(
        _by_status(code, message) or kind_of(message),
        message,
        code,
        wait_in(message) if wait_s is None else wait_s,
        until or until_in(message),
    )


def status_in(message: str) -> int | None:
    """Return the HTTP status that a message names; None where it names none."""
    for found in _STATUS.finditer(message):
        code = int(next(filter(None, found.groups())))
        if 400 <= code < 600:
            return code
    return None


def kind_of(message: str) -> FaultKind:
    """Return what a message is about, by its words; the first that fits, worst first."""
    return next((kind for kind, words in _KINDS if words.search(message)), "other")


def _by_status(status: int | None, message: str) -> FaultKind | None:
    match status:
        case 401 | 402 | 403:
            return "auth"
        case 404:
            return "config"
        case 429:
            return "rate-limit"
        case 400 | 413 | 422:
            said = kind_of(message)
            return said if said in {"context", "auth", "config", "rate-limit"} else "other"
        case int() if status >= 500 or status in {408, 409}:
            return "transient"
        case _:
            return None


def wait_in(message: str) -> float | None:
    """Return the seconds that a message asks to wait ('try again in 1m 30s'); None where it names no time."""
    found = _WAIT.search(message)
    if not found:
        return None
    seconds = 0.0
    for amount, unit in _PART.findall(found[1]):
        scale = 0.001 if unit.lower().startswith(("ms", "milli")) else _SECONDS[unit[0].lower()]
        seconds += (fields.parsed(amount) or 0.0) * scale
    return fields.seconds(seconds)


def until_in(message: str) -> datetime | None:
    """Return the instant at which a message says that a limit is reset; None where it names none."""
    found = _EPOCH.search(message)
    return fields.instant(int(found[1])) if found else None
