"""A capture with what it may need before and beside it: room on the disk, and objects that are whole."""

from __future__ import annotations

from collections.abc import Callable

from swarmgit.adapters.git.capture import Label, capture
from swarmgit.adapters.git.findings import Limits
from swarmgit.adapters.git.rewrite import rewrite
from swarmgit.adapters.git.room import make_room
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.adapters.git.slots import Slot
from swarmgit.errors import SwarmError
from swarmgit.model.work import Capture


def take_in(engine: Git, slot: Slot, label: Label, fault: Callable[[str], None], limits: Limits) -> Capture:
    """Return the capture of the tree of a session that has ended."""
    make_room(engine, slot)
    try:
        return capture(engine, slot, label, fault, limits)
    except OutOfTime:
        raise
    except SwarmError:  # perhaps over an object that is damaged, and would be written if it were not there
        if rewrite(engine, slot, limits) == 0:
            raise
        return capture(engine, slot, label, fault, limits)
