"""How soon a task's turn comes: by its own priority, or by its convoy's where that is higher."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.desired import PRIORITY_RANK, Desired, Priority
from swarmgit.model.ids import ConvoyId, TaskId
from swarmgit.plan.wallets import members


class Raised(Struct, frozen=True):
    """The priority that a task has from `convoy`; its own is lower."""

    priority: Priority
    convoy: ConvoyId


def raised(desired: Desired) -> dict[TaskId, Raised]:
    """Return the tasks whose convoy gives them a higher priority than their own."""
    given = {name: convoy.priority for name, convoy in desired.convoys.items() if convoy.priority is not None}
    found: dict[TaskId, Raised] = {}
    for name, tasks in members(desired).items() if given else ():
        priority = given.get(name)
        for task in (desired.tasks[each] for each in tasks if each in desired.tasks):
            before = found[task.id].priority if task.id in found else task.priority
            if priority is not None and PRIORITY_RANK[priority] < PRIORITY_RANK[before]:
                found[task.id] = Raised(priority, name)
    return found
