"""What a session starts with: its name, its base, its prompt, and what it carries over from the attempt before."""

from __future__ import annotations

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Task
from swarmgit.model.ids import AgentName, SessionId, ulid
from swarmgit.model.mail import Mail
from swarmgit.model.status import TaskStatus
from swarmgit.model.work import SessionSpec
from swarmgit.plan import agents, briefing, experiments
from swarmgit.plan.situation import Situation


def spec_of(situation: Situation, task: Task, status: TaskStatus, agent: AgentName) -> SessionSpec:
    """Return the facts of a new session for a task's next attempt."""
    label = experiments.label_of(situation.desired, task, status)
    runtime, model = agents.runtime_of(situation.swarm, experiments.as_in(situation.desired, task, label))
    base = situation.observed.target_head
    assert base is not None
    number = max((a.number for a in status.attempts), default=0) + 1
    return SessionSpec(
        id=SessionId(ulid(situation.now, f"{task.id}/{number}")),
        kind="agent",
        base=base,
        started=situation.now,
        minutes_max=situation.minutes_max(task),
        task=task.id,
        attempt=number,
        agent=agent,
        runtime=runtime.name,
        model=model,
        generation=task.generation,
        experiment=label,
    )


def start_session(
    situation: Situation, task: Task, status: TaskStatus, spec: SessionSpec, mails: tuple[Mail, ...] = ()
) -> StartSession:
    """Return the action that starts a session, or starts it again where its start was cut off (then no prompt counts).

    `mails`: what its prompt shows; `spec` names them.
    """
    runtime, _ = agents.runtime_of(situation.swarm, experiments.as_in(situation.desired, task, spec.experiment))
    before = TaskStatus(
        task.id, task.title, attempts=tuple(a for a in status.attempts if a.session != spec.id), window=status.window
    )
    last = before.last if before.last is not None and before.last.number >= status.window else None
    carried = last if last is not None and last.outcome == "rejected" and last.kept_paths else None
    identity = situation.observed.identities.get(spec.agent) if spec.agent else None
    return StartSession(
        spec=spec,
        task=task,
        runtime=runtime,
        worktree=situation.swarm.worktree,
        prompt=briefing.prompt_for(
            task, experiments.role_text(situation.desired, task, spec.experiment), identity, before, mails
        ),
        reason=f"attempt {spec.attempt}" if spec.attempt > 1 else "ready",
        ports=situation.swarm.ports_per_session,
        feedback=briefing.feedback_of(before),
        carry=carried.head if carried else None,
        carry_paths=carried.kept_paths if carried else (),
    )
