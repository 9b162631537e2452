"""Why a session of a task is stopped, and what its attempt comes to."""

from __future__ import annotations

from swarmgit.model.desired import Task
from swarmgit.model.sessions import Session
from swarmgit.model.status import TaskStatus
from swarmgit.plan import budget, claims, excess, floods, governor, rejections, watchdog
from swarmgit.plan.situation import Situation

TIME_LIMIT = "time limit"
UNREADABLE = "it cannot be followed"
"""Nobody could see its limits."""


def reason(situation: Situation, task: Task | None, status: TaskStatus, session: Session) -> str | None:
    """Return why a session of a task has to end now; None while it may go on."""
    control = situation.control(status.task)
    if control.cancelled:
        return "the task was cancelled"
    if gone := situation.lacks(session.spec.base):
        return f"what it started from cannot be had: {gone}"
    if task is None and status.task not in situation.desired.held:
        return "the task was removed from intent"
    if control.restart and control.restart != status.restart:
        return "a restart was asked for"
    if situation.apply_now and task is not None and session.spec.generation != task.generation:
        return "the task has changed, and the change is to be applied now"
    if (taken := claims.reason_to_stop(situation, status)) is not None:
        return taken
    if session.is_late(situation.now):
        return f"{TIME_LIMIT} of {session.spec.minutes_max:g} minutes"
    return (
        excess.reason_to_stop(situation, session)
        or floods.reason_to_stop(situation, session)
        or budget.reason_to_stop(situation, task, status, session)
        or _deaf(session)
    )


def _deaf(session: Session) -> str | None:
    return f"{UNREADABLE}: {session.hearing.deaf}" if session.hearing.deaf else None


def outcome(session: Session, why: str) -> governor.Answer:
    """Return what an attempt comes to whose session was stopped, or wrote more than it may."""
    if session.excess is not None:
        said = session.excess.sentence
        return excess.OUTCOMES[session.excess.what], said, excess.rejection(said)
    if excess.is_unheard(session):
        return "lost", excess.UNHEARD, None
    if session.stream.fault is not None and session.stream.fault.kind == "unreadable":
        return governor.outcome_of(session.stream.fault, session)
    if why.startswith(TIME_LIMIT):
        return "timeout", why, rejections.by_time(session.spec.minutes_max)
    if why.startswith(budget.STOPS):
        return "over-budget", why, rejections.by_budget(why)
    if why.startswith(watchdog.PREFIX):
        return "timeout", why, rejections.by_watchdog(why)
    return "cancelled", why, None
