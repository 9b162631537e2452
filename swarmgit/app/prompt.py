"""The text that an agent would get for a task, by the same code that gives it to one."""

from __future__ import annotations

from swarmgit.app.look import Look
from swarmgit.app.names import find
from swarmgit.errors import PersonMustAct
from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Task
from swarmgit.model.ids import AgentName
from swarmgit.model.status import Identity, Rejection, TaskStatus
from swarmgit.plan.briefing import prompt_for


def prompt_text(look: Look, name: str) -> str:
    """Return what the next session of a task would get: of the planned start where there is one, else built now."""
    known = {*look.desired.tasks, *look.observed.statuses}
    task_id = find(name, known, "task")
    for action in look.plan.actions:
        if isinstance(action, StartSession) and action.spec.task == task_id:
            return action.prompt
    task = look.desired.tasks.get(task_id)
    if task is None:
        raise PersonMustAct(f"task {task_id} is not in the intent any more", f"swarmgit task show {task_id}")
    status = look.plan.views.get(task_id) or look.observed.statuses.get(task_id)
    identity = _identity(look, task, status)
    return prompt_for(task, look.desired.roles.get(task.role, ""), identity, feedback(status), status)


def _identity(look: Look, task: Task, status: TaskStatus | None) -> Identity:
    """Return the agent that is pinned or was at it last; before that somebody new, whose name is not known yet."""
    last = status.last if status else None
    name = task.agent or (last.agent if last else AgentName(f"{task.role}-…"))
    return look.observed.identities.get(name) or Identity(name=name, role=task.role, created=look.now)


def feedback(status: TaskStatus | None) -> Rejection | None:
    """Return the last rejection that the next attempt has to answer."""
    return status.last.rejection if status and status.last else None
