"""The one place where a session that runs is looked after: stopped, started again, or waited for."""

from __future__ import annotations

from collections.abc import Callable

from swarmgit.model.actions import Action, StopSession
from swarmgit.model.endings import Stop
from swarmgit.model.sessions import RESTART_AFTER, Session
from swarmgit.plan import excess
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.times import is_over

LOOK_AGAIN_S = 0.2
"""How soon it is seen whether a session that was asked to end has ended."""

Check = Callable[[], Stop | None]


def supervise(
    situation: Situation,
    draft: Draft,
    session: Session,
    again: Callable[[], Action | None],
    *checks: Check,
    unwanted: Stop | None = None,
) -> Stop | None:
    """Stop a session, start it again where its start was cut off, or wake at its deadline; return its stop.

    `unwanted` goes before its limits, `checks` are asked after them, in order. `again`: its start, None where it
    cannot be started now.
    """
    stop = session.stop or unwanted or _late(situation, session) or excess.stop(situation, session)
    for check in checks:
        stop = stop or check()
    if stop is not None:
        end(situation, draft, session, stop)
        return stop
    is_cut_off = session.state == "starting" and is_over(session.spec.started, RESTART_AFTER, situation.now)
    start = again() if is_cut_off else None
    if start is not None:
        draft.add(start)
    draft.wake_at(session.deadline, situation.now)
    return None


def end(situation: Situation, draft: Draft, session: Session, stop: Stop) -> None:
    """Ask a session to end, and look again soon."""
    grace_s = situation.swarm.stop_grace_s
    draft.add(StopSession(session.spec.id, session.spec.task, stop, grace_s, excess.of(situation, session)))
    draft.wakes.append(min(LOOK_AGAIN_S, grace_s))


def _late(situation: Situation, session: Session) -> Stop | None:
    if not session.is_late(situation.now):
        return None
    return Stop(f"time limit of {session.spec.minutes_max:g} minutes", "time-limit")
