"""By which tier an entry's conflicts were settled, and who else has a say in the result (MERGE-QUEUE.md)."""

from __future__ import annotations

from swarmgit.model.desired import CONFLICT_TIERS
from swarmgit.model.ids import TaskId
from swarmgit.model.observed import MergeTry
from swarmgit.model.queue import Entry, Queued, Resolutions

How = tuple[str, Resolutions]


def how(entry: Entry, tried: MergeTry) -> How:
    """Return the hardest tier that an entry needed up to a merge that was tried, and each resolution on the way."""
    queued, resolved = entry.last(Queued), entry.resolved
    known = (queued.tier if queued else None, resolved.tier if resolved else None, tried.tier)
    tier = max((name or "clean" for name in known), key=hardness)
    return tier, (*(resolved.resolution if resolved else ()), *tried.resolution)


def hardness(tier: str) -> int:
    """Return the place of a tier among all, the easiest first; one that this version does not know is the easiest."""
    return CONFLICT_TIERS.index(tier) if tier in CONFLICT_TIERS else 0


def other_tasks(entry: Entry) -> tuple[TaskId, ...]:
    """Return the landed tasks whose files a resolution touched: what they asked for must hold as well."""
    return entry.resolved.others if entry.resolved else ()
