"""`route TASK`: who would get a task now, by the same code that gives it to one."""

from __future__ import annotations

from swarmgit.app.look import Look
from swarmgit.app.names import find
from swarmgit.errors import PersonMustAct
from swarmgit.model.status import FINISHED, TaskStatus
from swarmgit.plan.routing import Route, route
from swarmgit.plan.schedule import busy
from swarmgit.plan.situation import Draft, Situation


def routed(look: Look, name: str) -> tuple[str, Route]:
    """Return a task's id, and who would make its next attempt if it started now."""
    task_id = find(name, {*look.desired.tasks, *look.observed.statuses}, "task")
    task = next((each for id_, each in look.desired.tasks.items() if id_ == task_id), None)
    if task is None or look.desired.swarm is None:
        raise PersonMustAct(f"task {task_id} is not in the intent any more", f"swarmgit task show {task_id}")
    situation = Situation.of(look.desired, look.desired.swarm, look.observed, look.now, frozenset(), apply_now=False)
    status = look.plan.views.get(task.id) or look.observed.statuses.get(task.id) or TaskStatus(task.id, task.title)
    if status.phase in FINISHED:
        raise PersonMustAct(f"task {task_id} is {status.phase}: nobody gets it", f"swarmgit task restart {task_id}")
    draft = Draft(views=dict(look.plan.views))
    return task_id, route(situation, draft, task, status, busy(situation, draft))
