"""The instant that a look is judged by is not before what it has seen."""

from __future__ import annotations

from datetime import timedelta

from looks import at, session
from msgspec.structs import replace

from swarmgit.observe.snapshot import _after_ends


def test_an_end_that_was_seen_is_never_after_the_look() -> None:
    now = at(0)
    soon, late = now + timedelta(milliseconds=40), now + timedelta(hours=3)
    ended = [replace(session(), state="ended", ended=when) for when in (now - timedelta(hours=1), soon, late)]
    assert _after_ends(now, [session()]) == now
    assert _after_ends(now, ended) == soon, "an end far ahead is of a clock that was set back"
