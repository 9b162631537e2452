"""Summaries."""

from tally.slug import slugify
from tally.words import count_words


def summarise(title: str, text: str) -> str:
    """Return "slug: N words" for a text."""
    return f"{slugify(title)}: {count_words(text)} words"
