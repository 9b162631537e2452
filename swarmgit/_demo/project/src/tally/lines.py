"""Count lines."""


def count_lines(text: str) -> int:
    """Return the number of lines; an empty text has none."""
    return len(text.splitlines())
