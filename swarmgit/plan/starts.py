"""What a session starts with: its name, its base, its prompt, and what it carries over from the attempt before."""

from __future__ import annotations

from swarmgit.model.actions import StartSession
from swarmgit.model.desired import Task
from swarmgit.model.endings import LIMITED, PAUSES
from swarmgit.model.ids import AgentName, SessionId, ulid
from swarmgit.model.mail import Digest
from swarmgit.model.sessions import AgentSpec
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.plan import agents, briefing, experiments
from swarmgit.plan.situation import Situation

NO_MAIL = Digest()
CARRIED = PAUSES | LIMITED | {"rejected", "handed-over"}
"""Ends after which the next session finds the work of the last one in its worktree."""


def spec_of(situation: Situation, task: Task, status: TaskStatus, agent: AgentName) -> AgentSpec:
    """Return the facts of a new session for a task's next attempt."""
    label = experiments.label_of(situation.desired, task, status)
    runtime, model = agents.runtime_of(situation.swarm, experiments.as_in(situation.desired, task, label))
    last = _paused(situation, task, status, (runtime.name, model))
    before = last or _handed_over(situation, task, status)
    base = before.base if before else situation.observed.target_head
    assert base is not None
    number = max((a.number for a in status.attempts), default=0) + 1
    return AgentSpec(
        id=SessionId(ulid(situation.now, f"{task.id}/{number}")),
        base=base,
        started=situation.now,
        minutes_max=situation.minutes_max(task),
        task=task.id,
        attempt=number,
        agent=agent,
        runtime=runtime.name,
        model=model,
        resume=last.conversation if last else None,
        home=_home(status, last) if last else None,
        generation=task.generation,
        experiment=label,
    )


def _paused(situation: Situation, task: Task, status: TaskStatus, program: tuple[str, str | None]) -> Attempt | None:
    """Return the attempt whose conversation goes on: the last, if only a pause ended it and nothing has changed."""
    last = status.last
    if last is None or last.number < status.window or last.outcome not in PAUSES or last.conversation is None:
        return None
    if situation.lacks(last.base):
        return None
    is_same = (last.runtime, last.model, last.generation) == (*program, task.generation)
    return last if is_same else None


def _handed_over(situation: Situation, task: Task, status: TaskStatus) -> Attempt | None:
    """Return the attempt that this session takes over from: it starts where that one did, with what it has changed."""
    last = status.last
    is_it = last is not None and last.number >= status.window and last.outcome == "handed-over"
    if last is None or not is_it or situation.lacks(last.base):
        return None
    return last if last.generation == task.generation else None


def _home(status: TaskStatus, last: Attempt) -> SessionId:
    """Return the session that began a conversation: what the program keeps of it is in that one's home folder."""
    return next(a.session for a in status.attempts if a.conversation == last.conversation and a.runtime == last.runtime)


def start_session(
    situation: Situation, task: Task, status: TaskStatus, spec: AgentSpec, mails: Digest = NO_MAIL
) -> StartSession:
    """Return the action that starts a session, or starts it again where its start was cut off (then no prompt counts).

    `mails`: what its prompt shows; `spec` names those that it shows whole.
    """
    runtime, _ = agents.runtime_of(situation.swarm, experiments.as_in(situation.desired, task, spec.experiment))
    before = TaskStatus(
        task.id, task.title, attempts=tuple(a for a in status.attempts if a.session != spec.id), window=status.window
    )
    last = before.last if before.last is not None and before.last.number >= status.window else None
    carried = last if last is not None and last.outcome in CARRIED and last.kept_paths else None
    if carried is not None and situation.lacks(carried.head, carried.base):
        carried = None
    identity = situation.observed.identities.get(spec.agent) if spec.agent else None
    role = experiments.role_text(situation.desired, task, spec.experiment)
    prompt = briefing.going_on(task, mails) if spec.resume else briefing.prompt_for(task, role, identity, before, mails)
    return StartSession(
        spec=spec,
        task=task,
        runtime=runtime,
        worktree=situation.swarm.worktree,
        prompt=prompt,
        reason=_reason(spec, before),
        feedback=briefing.feedback_of(before),
        carry=carried.head if carried else None,
        carry_paths=carried.kept_paths if carried else (),
    )


def _reason(spec: AgentSpec, before: TaskStatus) -> str:
    if spec.resume:
        return f"attempt {spec.attempt}, going on after a pause"
    if before.last is not None and before.last.outcome == "handed-over":
        return f"attempt {spec.attempt}, taking over from session {before.last.session}"
    return f"attempt {spec.attempt}" if spec.attempt > 1 else "ready"
