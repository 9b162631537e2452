"""Words around numbers."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return '1 task', '2 tasks', '2 entries'."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
