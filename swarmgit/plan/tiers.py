"""By which tier an entry's conflicts were settled, and who else has a say in the result (MERGE-QUEUE.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmgit.model.desired import CONFLICT_TIERS
from swarmgit.model.ids import TaskId
from swarmgit.model.observed import MergeTry
from swarmgit.model.queue import Entry

How = tuple[str, tuple[Mapping[str, Any], ...]]


def how(entry: Entry, tried: MergeTry) -> How:
    """Return the hardest tier that an entry needed up to a merge that was tried, and each resolution on the way."""
    queued = entry.last("queued") or {}
    resolved = (entry.last("resolved") if entry.proposal is not None else None) or {}
    known = (queued.get("tier", "clean"), resolved.get("tier", "clean"), tried.tier)
    tier = max(known, key=lambda name: CONFLICT_TIERS.index(name) if name in CONFLICT_TIERS else 0)
    return tier, (*resolved.get("resolution", ()), *tried.resolution)


def other_tasks(entry: Entry) -> tuple[TaskId, ...]:
    """Return the landed tasks whose files a resolution touched: what they asked for must hold as well."""
    resolved = entry.last("resolved") if entry.proposal is not None else None
    return tuple(TaskId(name) for name in (resolved or {}).get("with", ()))
