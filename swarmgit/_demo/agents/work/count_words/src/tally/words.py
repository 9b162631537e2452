"""Count words."""


def count_words(text: str) -> int:
    """Return the number of words: what white space separates."""
    return len(text.split())
