"""Which ports each session is given: a range that no other session has, and that was found free."""

from __future__ import annotations

from swarmgit.model.actions import StartSession
from swarmgit.model.ids import TaskId
from swarmgit.model.incidents import Alert, facts
from swarmgit.plan.situation import Draft, Situation

NONE_FREE = "no free range of {count} ports was found on this machine"


def lease(situation: Situation, draft: Draft) -> tuple[int, ...] | None:
    """Return the ports of one more session, () where sessions get none; None where there are no free ones.

    The lease is the session itself: it ends when the session is let go.
    """
    count = situation.swarm.ports_per_session
    if count == 0:
        return ()
    specs = [session.spec for session in situation.observed.programs]
    specs += [action.spec for action in draft.actions if isinstance(action, StartSession)]
    return situation.observed.ports(count, frozenset(port for spec in specs for port in spec.ports))


def wait(situation: Situation, draft: Draft, task: TaskId) -> str:
    """Return why a task waits that no ports were found for, and report it; once for each hour that it waits in."""
    why = NONE_FREE.format(count=situation.swarm.ports_per_session)
    known = facts(reason=why, hour=f"{situation.now:%Y-%m-%dT%H}")
    draft.alerts.append(Alert("ports/none-free", task=task, facts=known))
    draft.needs_person = True
    return f"{why}; `ss -ltnp` shows who listens, ports_per_session in .swarm/swarm.yaml says how many it needs"
