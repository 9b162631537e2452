"""The text that an agent would get for a task, by the same code that gives it to one."""

from __future__ import annotations

from swarmgit.app.look import Look
from swarmgit.app.names import find
from swarmgit.errors import PersonMustAct
from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Task
from swarmgit.model.ids import AgentName
from swarmgit.model.mail import Digest
from swarmgit.model.status import TaskStatus
from swarmgit.plan.briefing import prompt_for
from swarmgit.plan.experiments import label_of, role_text
from swarmgit.plan.mail import digest
from swarmgit.plan.routing import route
from swarmgit.plan.situation import Draft, Situation


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
    status = look.plan.views.get(task_id) or look.observed.statuses.get(task_id) or TaskStatus(task_id, task.title)
    if look.desired.swarm is None:
        return prompt_for(task, look.desired.roles.get(task.role, ""), None, status)
    situation = Situation.of(look.desired, look.desired.swarm, look.observed, look.now, frozenset(), apply_now=False)
    agent = _agent(situation, task, status)
    mails = digest(situation, Draft(), agent) if agent else Digest()
    identity = look.observed.identities.get(agent)
    text = role_text(look.desired, task, label_of(look.desired, task, status))
    return prompt_for(task, text, identity, status, mails)


def _agent(situation: Situation, task: Task, status: TaskStatus) -> AgentName:
    """Return who would take it if everybody were free."""
    return task.agent or route(situation, Draft(), task, status, frozenset()).agent or AgentName("")
