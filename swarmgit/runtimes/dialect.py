"""How a program speaks: what an adapter says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from swarmgit.model.events import Event
from swarmgit.model.usage import Voice

Translation = Callable[[Mapping[str, Any]], Iterable[Event] | None]
"""A line's JSON object → its events; None where it is no line of the program's, and counts as text."""


def no_words(line: str) -> Iterable[Event]:  # noqa: ARG001  a translation of text
    """Find nothing in a line of plain text."""
    return ()


class Dialect(Struct, frozen=True):
    """How a program speaks. `words`: what its plain text lines say. `has_last_word`: it ends with a `Result`.

    `errors`: what lines of its standard error say; None: nothing that its output does not say as well.

    `remedy`: what a person does when its credentials are refused. `speaks_for`: `account` where what it says of limits
    and refusals comes in a channel of the program's own, in which neither its model nor a tool can speak.

    `usage_comes_first`: it says what a step has used before it says what the step was; others say it behind that.
    """

    translate: Translation
    words: Callable[[str], Iterable[Event]] = no_words
    has_last_word: bool = False
    usage_covers: Literal["session", "conversation"] = "session"
    remedy: str = ""
    errors: Callable[[str], Iterable[Event]] | None = None
    speaks_for: Voice = "session"
    usage_comes_first: bool = False
