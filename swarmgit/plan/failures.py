"""Failures belong to their task: what could not be saved holds its own task back, and nobody else."""

from __future__ import annotations

from swarmgit.model.ids import TaskId
from swarmgit.model.status import TaskStatus
from swarmgit.model.steps import owned_step
from swarmgit.plan.situation import Draft, Situation


def hold_entries(situation: Situation, draft: Draft) -> None:
    """Put the entries of held tasks back to what the state says: an end of theirs would be told without its work."""
    for entry in situation.observed.entries.values():
        if entry.task in draft.held:
            draft.entries[entry.id] = entry
            draft.refused.pop(entry.id, None)


def held(situation: Situation, draft: Draft, task: TaskId) -> TaskStatus | None:
    """Return where a held task stands, None where a task is not held: as the state has it."""
    if task not in draft.held:
        return None
    return situation.observed.statuses.get(task) or TaskStatus(task=task, title=task)


def withhold(situation: Situation, draft: Draft) -> None:
    """Take out of the plan what held tasks would do: no record, no letting go, no start."""
    if draft.held:
        known = situation.observed
        draft.actions = [
            action
            for action in draft.actions
            if owned_step(action, known.entries, known.sessions).task not in draft.held
        ]
