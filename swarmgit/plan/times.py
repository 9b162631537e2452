"""Waits by a wall clock that may be set. What came first is told by order, not by instants."""

from __future__ import annotations

from datetime import datetime, timedelta

SLACK = timedelta(minutes=1)
"""What was seen a moment ago may be this much ahead: files have the clock of their disk."""


def is_ahead(at: datetime, now: datetime) -> bool:
    """Return whether an instant that has passed lies in the future: the clock was set back since."""
    return at > now + SLACK


def is_over(began: datetime, length: timedelta, now: datetime) -> bool:
    """Return whether a wait is over. One that has not begun yet is: how much of it has passed nobody can tell."""
    return now - began >= length or is_ahead(began, now)
