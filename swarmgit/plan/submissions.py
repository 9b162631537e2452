"""Refs of submitted work in the person's repository."""

from __future__ import annotations

from swarmgit.documents import paths
from swarmgit.model.pins import Submit
from swarmgit.model.queue import WAITING
from swarmgit.plan.situation import Draft, Situation


def pin(situation: Situation, draft: Draft) -> None:
    """Have a ref for the work of each open entry that has none; what leaks a secret never became an entry."""
    for name in sorted(situation.observed.unsubmitted):
        entry = draft.entries[name]
        if entry.state in WAITING or entry.state == "landing":
            draft.add(Submit(name, entry.task, entry.head, paths.submitted_ref(entry.task, entry.session)))
