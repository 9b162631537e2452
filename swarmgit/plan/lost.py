"""Sessions of which nothing is known: their folder is gone, or their record cannot be read. Unknown is not over."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.model.failures import Rescue, SetAside
from swarmgit.model.status import TaskStatus
from swarmgit.plan.situation import Draft, Situation


def attempt(situation: Situation, draft: Draft, status: TaskStatus) -> TaskStatus:
    """Return the status with its last attempt lost: not before its processes have ended and its worktree is saved."""
    last = status.attempts[-1]
    is_damaged = last.session in situation.observed.damaged
    reason = "its record could not be read; its processes were ended" if is_damaged else "its session folder is gone"
    if status.task in draft.given_up:
        draft.add(SetAside(last.session, status.task))
    else:
        draft.add(Rescue(last.session, status.task))
        reason += f"; what was in its worktree is saved as {paths.orphan_ref(last.session)}" if is_damaged else ""
    over = replace(last, outcome="lost", ended=situation.now, reason=reason)
    return replace(status, attempts=(*status.attempts[:-1], over))


def others(situation: Situation, draft: Draft) -> None:
    """End what nobody follows, too: a gate, a push, a session of a task that is over."""
    followed = {action.session for action in draft.actions if isinstance(action, Rescue | SetAside)}
    held = {a.session for view in draft.views.values() if view.task in draft.held for a in view.attempts}
    draft.add(*(Rescue(session) for session in sorted(situation.observed.damaged - followed - held)))
