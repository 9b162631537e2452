"""What a session was asked to say in a schema: found in its words, or in a file it wrote, and read into a value.

A model may say more than it was asked for, before the answer and after it.
"""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from swarmgit.model.handoffs import Acceptance, Summary

T = TypeVar("T")

CHARS_MAX = 20_000
TRIES_MAX = 200
"""So many braces from the end an answer may begin at: text that is nothing but braces takes no time."""

WORDS_CHARS_MAX = 2000
ITEMS_MAX = 50
SUMMARY = (
    '{"version": 1, "state": "where the work stands, in a sentence or two", "done": ["each thing that is finished"], '
    '"remaining": ["each thing that is left to do"], "surprises": ["what a successor would not expect"]}'
)
ACCEPTANCE = (
    '{"version": 1, "state": "what you found in the worktree, in one sentence", "next": "what you do first, in one"}'
)


class _Summary(msgspec.Struct, forbid_unknown_fields=True):
    state: str
    done: list[str] = []
    remaining: list[str] = []
    surprises: list[str] = []
    version: int = 1


class _Acceptance(msgspec.Struct, forbid_unknown_fields=True):
    state: str
    next: str = ""
    version: int = 1


def last_in(text: str, kind: type[T]) -> T | None:
    """Return the last JSON object in a text that is one of this kind, None where there is none."""
    text = text[-CHARS_MAX:]
    decoder = json.JSONDecoder()
    braces = [index for index, letter in enumerate(text) if letter == "{"]
    for at in reversed(braces[-TRIES_MAX:]):
        try:
            return msgspec.convert(decoder.raw_decode(text, at)[0], kind)
        except (ValueError, RecursionError, msgspec.ValidationError):
            continue
    return None


def summary_in(text: str) -> Summary | None:
    """Return the summary that a session wrote; None where there is none, or it says nothing."""
    found = last_in(text, _Summary)
    if found is None or found.version != 1 or not found.state.strip():
        return None
    return Summary(words(found.state), _items(found.done), _items(found.remaining), _items(found.surprises))


def acceptance_in(text: str) -> Acceptance | None:
    """Return how a successor says that it knows where the work stands; None where it does not."""
    found = last_in(text, _Acceptance)
    if found is None or found.version != 1 or not found.state.strip():
        return None
    return Acceptance(words(found.state), words(found.next))


def words(text: str, chars_max: int = WORDS_CHARS_MAX) -> str:
    """Return a text in one line, within bounds, of what can be shown."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())[:chars_max]


def _items(given: list[str]) -> tuple[str, ...]:
    return tuple(shown for each in given[:ITEMS_MAX] if (shown := words(each)))
