"""Which program and model do a task, and who is at work. Who takes it is routing's to say."""

from __future__ import annotations

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Runtime, Swarm, Task
from swarmgit.model.ids import AgentName
from swarmgit.model.sessions import ProgramSpec, TriageSession
from swarmgit.plan.situation import Draft, Situation


def runtime_of(swarm: Swarm, task: Task) -> tuple[Runtime, str | None]:
    """Return the runtime and model: the task's own, else those of its type's tier.

    A runtime that `swarm.yaml` does not configure is an agent program by its adapter's name.
    """
    tier = swarm.tiers.get(swarm.routing.get(task.type, "standard"))
    name = task.runtime or (tier.runtime if tier else "")
    model = task.model or (tier.model if tier and task.runtime in {None, tier.runtime} else None)
    return swarm.runtimes.get(name) or Runtime(name=name, adapter=name), model


def beside(swarm: Swarm, routed: str, task: Task | None) -> tuple[Runtime, str | None] | None:
    """Return who works beside a task's attempts: the tier that `routing` names for it, else the task's own program.

    None: a plain command cannot be expected to merge or to judge unless it was named for that.
    """
    tier = swarm.tiers.get(swarm.routing.get(routed, ""))
    if tier is not None:
        return swarm.runtimes.get(tier.runtime) or Runtime(tier.runtime, tier.runtime), tier.model
    if task is None:
        return None
    runtime, model = runtime_of(swarm, task)
    return None if runtime.adapter in {"command", ""} else (runtime, model)


def first_free(role: str, busy: frozenset[AgentName]) -> AgentName:
    """Return the first name of a role that nobody at work has."""
    number = 1
    while AgentName(f"{role}-{number:02d}") in busy:
        number += 1
    return AgentName(f"{role}-{number:02d}")


def at_work(situation: Situation, draft: Draft) -> tuple[ProgramSpec, ...]:
    """Return the sessions that take up an agent's place: those that are not taken in yet, and those that start now."""
    live = [
        session.spec
        for session in situation.observed.programs
        if not isinstance(session, TriageSession) and not session.is_finished
    ]
    known = {spec.id for spec in live}
    starting = (action.spec for action in draft.actions if isinstance(action, StartSession))
    return (*live, *(spec for spec in starting if spec.id not in known))
