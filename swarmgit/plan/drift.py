"""Landings that the target has taken back since: shown, and never made again without a person's word."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.plan.situation import Draft, Situation


def follow(situation: Situation, draft: Draft) -> None:
    """Write which landed tasks are reverted now, and which are not any more because the revert was reverted."""
    for name, status in situation.observed.statuses.items():
        if status.phase not in {"landed", "reverted"} or name in draft.views or status.landed_commit is None:
            continue
        found = situation.observed.drift.get(name)
        commit = status.landed_commit[:10]
        if found is not None and found.kind == "reverted" and status.phase == "landed":
            reason = f"landed as {commit}; {found.commit[:10]} takes all of it back"
            draft.views[name] = replace(status, phase="reverted", reason=reason)
        elif status.phase == "reverted" and (found is None or found.kind != "reverted"):
            draft.views[name] = replace(status, phase="landed", reason=f"landed as {commit}")
