"""What has landed on the target since a session began."""

from __future__ import annotations

from swarmgit.model.ids import CommitId
from swarmgit.model.status import Entry
from swarmgit.plan.situation import Draft, Situation


def landed_since(situation: Situation, draft: Draft, base: CommitId) -> tuple[tuple[Entry, ...], bool]:
    """Return the entries that landed on the way from `base` to the target's head, newest first, and whether that is
    all: somebody else's commit on the way hides what came before it."""
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
    return tuple(found), at == base
