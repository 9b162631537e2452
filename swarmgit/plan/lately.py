"""What has landed on the target since a session began."""

from __future__ import annotations

from datetime import datetime

from swarmgit.model.ids import CommitId
from swarmgit.model.queue import Entry, Landed
from swarmgit.plan.situation import Draft, Situation


def landed_since(situation: Situation, draft: Draft, base: CommitId, began: datetime) -> tuple[Entry, ...]:
    """Return the entries that landed on the way from `base`, where a session began at `began`, to the target's head.

    Where somebody else's commits lie on the way, those that landed since by the ledger's time: rather one too many.
    """
    by_commit: dict[CommitId, list[Entry]] = {}
    for entry in draft.entries.values():
        if entry.state == "landed" and entry.candidate is not None:
            by_commit.setdefault(entry.candidate.commit, []).append(entry)
    found: list[Entry] = []
    at = situation.observed.target_head
    for _ in range(len(by_commit)):
        if at is None or at == base or at not in by_commit:
            break
        found += by_commit[at]
        candidate = by_commit[at][0].candidate
        at = candidate.base if candidate else None
    if at == base:
        return tuple(found)
    landed = [entry for entries in by_commit.values() for entry in entries]
    return tuple(entry for entry in landed if any(event.at >= began for event in entry.every(Landed)))
