"""Why a session of a task is not wanted any more, and what the attempt of a stopped one comes to."""

from __future__ import annotations

from swarmgit.model.desired import Task
from swarmgit.model.endings import Stop
from swarmgit.model.sessions import AgentSession
from swarmgit.model.status import TaskStatus
from swarmgit.plan import claims, excess, governor, rejections
from swarmgit.plan.situation import Situation

REMOVED = Stop("the task was removed from intent")


def unwanted(situation: Situation, task: Task | None, status: TaskStatus, session: AgentSession) -> Stop | None:
    """Return that a session of a task has to end whatever it does; None while its work is wanted."""
    control = situation.control(status.task)
    if control.cancelled:
        return Stop("the task was cancelled")
    if gone := situation.lacks(session.spec.base):
        return Stop(f"what it started from cannot be had: {gone}")
    if task is None and status.task not in situation.desired.held:
        return REMOVED
    if control.restart and control.restart != status.restart:
        return Stop("a restart was asked for")
    if situation.apply_now and task is not None and session.spec.generation != task.generation:
        return Stop("the task has changed, and the change is to be applied now")
    return claims.stop(situation, status)


def unreadable(session: AgentSession) -> Stop | None:
    """Return that a session has to end whose limits nobody could see."""
    deaf = session.hearing.deaf
    return Stop(f"it cannot be followed: {deaf}", "unreadable") if deaf else None


def outcome(session: AgentSession) -> governor.Answer:
    """Return what an attempt comes to whose session was stopped, or wrote more than it may."""
    if session.excess is not None:
        said = session.excess.sentence
        return excess.OUTCOMES[session.excess.what], said, excess.rejection(said)
    if excess.is_unheard(session):
        return "lost", excess.UNHEARD, None
    if session.stream.fault is not None and session.stream.fault.kind == "unreadable":
        return governor.outcome_of(session.stream.fault, session)
    stop = session.stop or REMOVED
    match stop.kind:
        case "time-limit":
            return "timeout", stop.text, rejections.by_time(session.spec.minutes_max)
        case "budget":
            return "over-budget", stop.text, rejections.by_budget(stop.text)
        case "watchdog" | "watchdog-handoff":
            return "timeout", stop.text, rejections.by_watchdog(stop.text)
        case _:
            return "cancelled", stop.text, None
