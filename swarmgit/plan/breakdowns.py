"""What of that which holds the swarm up has broken down: pushes, the disk, ports, worktrees. Each has an incident."""

from __future__ import annotations

from swarmgit.model.incidents import ForgetReports
from swarmgit.plan import incidents
from swarmgit.plan.situation import Draft, Situation


def report(situation: Situation, draft: Draft) -> None:
    """Report every breakdown of this tick; one that was reported before is not counted again."""
    _noticed(situation, draft)


def _noticed(situation: Situation, draft: Draft) -> None:
    """Report what went wrong where nobody plans; each is noted until its incident is recorded."""
    for said in situation.observed.reports:
        incidents.report(situation, draft, said)
    if situation.observed.reports:
        draft.add(ForgetReports(situation.observed.reports))
