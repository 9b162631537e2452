"""Wrap lines."""

import textwrap


def wrap(text: str, width: int = 72) -> list[str]:
    """Return the lines of a text, none longer than `width` characters where a space allows it."""
    return textwrap.wrap(text, width, break_long_words=False)
