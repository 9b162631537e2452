"""What keeps a task from having any session, however free the places are."""

from __future__ import annotations

from swarmgit.model.desired import Task
from swarmgit.model.reasons import Reason, reason
from swarmgit.plan.situation import Situation


def by(situation: Situation, task: Task) -> Reason | None:
    """Return what holds a task: its file, a freeze, a person; None where nothing does."""
    control = situation.control(task.id)
    if task.id in situation.desired.held:
        return reason("valid intent", "its file or something it names is broken; see `swarmgit validate`")
    if situation.observed.freeze is not None:
        return reason("freeze", "the swarm is frozen; `swarmgit thaw` lets it go on")
    if control.paused:
        who = control.by or "a person"
        return reason("paused", f"paused by {who}; `swarmgit task resume {task.id}` lets it go on", task=task.id)
    if task.suspend:
        return reason("suspended", "its file says suspend: true", task=task.id)
    if situation.only and task.id not in situation.only:
        return reason("selection", "this reconcile was asked for other tasks only", task=task.id)
    if situation.observed.target_head is None:
        return reason("target", "the target branch has no commit")
    return None


def unreachable(situation: Situation, runtime: str, model: str | None) -> str:
    """Return why sessions of a runtime with a model could not work by policy, '' where they can."""
    return situation.observed.unreachable.get((runtime, model or ""), "")


def by_network(situation: Situation, runtime: str, model: str | None) -> Reason | None:
    """Return why a session could not work at all: it is not started to find that out."""
    why = unreachable(situation, runtime, model)
    return reason("network", why) if why else None


def by_disk(situation: Situation) -> Reason | None:
    """Return why nothing new starts while the sessions at work take more of the disk than they may together."""
    used = disk_used(situation)
    limit = "(watchdog.swarm_disk_mb in .swarm/swarm.yaml); `swarmgit gc` removes what nobody needs"
    return reason("disk", f"{used} {limit}") if used else None


def disk_used(situation: Situation) -> str | None:
    """Return how much more of the disk the sessions at work take than they may together; None where they do not."""
    used, limit = _used_mb(situation), situation.swarm.watchdog.swarm_disk_mb
    if limit is None or used <= limit:
        return None
    return f"the sessions at work take {used:g} MB of the disk together, more than {limit:g}"


def _used_mb(situation: Situation) -> float:
    vitals = [session.vitals for session in situation.observed.sessions.values() if session.vitals is not None]
    return sum(each.disk_mb or 0.0 for each in vitals)
