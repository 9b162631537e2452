"""Nothing is settled while work in the queue may still go on: whatever keeps an open entry has a name.

A person, a pause, an edit in the way, a step that fails: each says so in the draft. An entry that none of them names
is an entry that nobody has looked at. Then the run goes on and looks again.
"""

from __future__ import annotations

from swarmgit.model.ids import EntryId
from swarmgit.model.queue import WAITING
from swarmgit.plan.situation import Draft, Situation


def unnamed(situation: Situation, draft: Draft) -> tuple[EntryId, ...]:
    """Return the open entries that nothing named keeps from landing, in their order.

    Who is in line behind what is about to land waits for that.
    """
    observed = situation.observed
    if observed.freeze is not None or observed.queue_control.paused or observed.target_head is None:
        return ()
    landing = [entry for entry in draft.entries.values() if entry.state == "landing"]
    waiting = [entry for entry in draft.entries.values() if entry.state in WAITING]
    named = draft.stuck.keys() | draft.unreviewed.keys() | draft.apart.keys() | observed.blocked.keys()
    of_tasks = draft.held | observed.unreadable | situation.desired.held
    return tuple(sorted(e.id for e in landing or waiting if e.id not in named and e.task not in of_tasks))
