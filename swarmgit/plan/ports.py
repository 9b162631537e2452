"""Which ports each session is given: a range that no other session has, and that was found free."""

from __future__ import annotations

from swarmgit.model.actions import StartSession
from swarmgit.model.ids import TaskId
from swarmgit.model.incidents import Report
from swarmgit.plan import incidents
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
    said = Report(
        signature="ports/none-free",
        key=f"ports/{task}/{situation.now:%Y-%m-%dT%H}",
        title="no free ports were found for a session",
        what=f"{task} waits: {why}",
        detection="tier 1: mechanical",
        task=task,
        cause="Other programs of this machine listen on ports of all the ranges that were tried.",
        resolution="The task waits; every tick looks again.",
        prevention=("infrastructure: end what listens, or give sessions fewer ports: ports_per_session",),
        answers=(f"swarmgit why {task}", "ss -ltnp"),
    )
    incidents.report(situation, draft, said)
    draft.needs_person = True
    return f"{why}; `ss -ltnp` shows who listens, ports_per_session in .swarm/swarm.yaml says how many it needs"
