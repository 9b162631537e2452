"""The one step by which a task goes on under the new name of its file."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from swarmgit.model.ids import TaskId
from swarmgit.model.status import TaskStatus


class RenameTask(Struct, frozen=True):
    """Write a task's status under its new name, with what people asked for it and its report, in place of the old.

    `path`: the file of its status until now.
    """

    status: TaskStatus
    old: TaskId
    reason: str
    path: str


class Former(Struct, frozen=True):
    """The status of an archived task whose file has another name now, and where it is kept."""

    status: TaskStatus
    path: str


def called(statuses: Mapping[TaskId, TaskStatus], name: str) -> TaskStatus | None:
    """Return the status of the task that is called `name`, or was, or will be once it is not worked for any more."""
    found = statuses.get(TaskId(name))
    if found is not None:
        return found
    return next((each for each in statuses.values() if name in each.renamed_from or name == each.renamed_to), None)


def names_of(status: TaskStatus) -> tuple[TaskId, ...]:
    """Return what a task is called, and what it was called before, the newest name first."""
    return (status.task, *reversed(status.renamed_from))


def other_names(statuses: Mapping[TaskId, TaskStatus], name: str) -> frozenset[str]:
    """Return what the task that is called `name` is or was called in state: `name` itself, where nobody knows it."""
    found = called(statuses, name)
    return frozenset((name, *(names_of(found) if found is not None else ())))
