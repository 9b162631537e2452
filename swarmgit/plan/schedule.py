"""Which tasks start now, and what each of the others waits for."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.desired import Task
from swarmgit.model.failures import Step
from swarmgit.model.ids import AgentName, TaskId
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.status import Phase
from swarmgit.plan import agents, blocked, budget, failures, governor, mail, ports, routing, scope, starts, verdicts
from swarmgit.plan.failure_words import sentence
from swarmgit.plan.situation import Draft, Situation

SATISFIED = frozenset({"landed", "unchanged", "reported"})
AT_WORK = frozenset({"running", "verifying", "queued"})


class _Floor(Struct):
    """Who is at work while this tick hands out sessions."""

    owners: dict[TaskId, Task]
    busy: set[AgentName]
    free: int
    holds: governor.Holds
    money: budget.Till


def start(situation: Situation, draft: Draft) -> None:
    """Write the starts of this tick into the draft, most urgent first, and the reason into every task that waits."""
    candidates = _candidates(situation, draft)
    if not candidates:
        return
    floor = _floor(situation, draft, candidates)
    for task in candidates:
        waits = _waits(situation, draft, task, floor) or _begin(situation, draft, task, floor)
        if waits:
            status = draft.views[task.id]
            phase: Phase = "needs-human" if waits.kind == "network" else status.phase
            draft.views[task.id] = draft.because(status, waits, phase)
            if waits.kind == "selection":
                draft.passing.add(task.id)


def _begin(situation: Situation, draft: Draft, task: Task, floor: _Floor) -> Reason | None:
    """Start a task's session, or return what of that which a session needs is not there now."""
    status = draft.views[task.id]
    routed = routing.route(situation, draft, task, status, frozenset(floor.busy))
    agent = routed.agent
    if agent is None:
        return reason("slot", routed.reason)
    leased = ports.lease(situation, draft)
    if leased is None:
        return reason("ports", ports.wait(situation, draft, task.id))
    shown = mail.digest(situation, draft, agent)
    ids = tuple(each.id for each in shown.whole)
    spec = replace(starts.spec_of(situation, task, status, agent), mail=ids, ports=leased)
    draft.add(starts.start_session(situation, task, status, spec, shown))
    draft.views[task.id] = draft.because(status, reason("starting", f"starting with {agent}"))
    draft.passing.add(task.id)
    floor.owners[task.id] = task
    floor.busy.add(agent)
    floor.free -= 1
    governor.began(situation, task, floor.holds)
    return None


def busy(situation: Situation, draft: Draft) -> frozenset[AgentName]:
    """Return the agents that have a session, or get one in this tick."""
    return frozenset(spec.agent for spec in agents.at_work(situation, draft))


def _floor(situation: Situation, draft: Draft, wanting: list[Task]) -> _Floor:
    tasks = situation.desired.tasks
    owners = {id_: tasks[id_] for id_, status in draft.views.items() if status.phase in AT_WORK and id_ in tasks}
    held = (entry for entry in draft.entries.values() if entry.id in draft.unreviewed and entry.task in tasks)
    owners |= {entry.task: tasks[entry.task] for entry in held if verdicts.owns_files(situation, entry)}
    live = agents.at_work(situation, draft)
    owners |= {spec.task: tasks[spec.task] for spec in live if spec.kind == "agent" and spec.task in tasks}
    busy = {spec.agent for spec in live}
    free = max(0, situation.swarm.agents_max - len(live))
    holds = governor.holds(situation, draft, wanting)
    return _Floor(owners, busy, free, holds, budget.till(situation, draft))


def _candidates(situation: Situation, draft: Draft) -> list[Task]:
    wanting = [
        situation.desired.tasks[id_]
        for id_, status in draft.views.items()
        if status.phase in {"waiting", "rework"} and id_ in situation.desired.tasks and id_ not in draft.held
    ]
    return sorted(wanting, key=lambda t: (situation.rank(t.id, t.priority), draft.views[t.id].phase != "rework", t.id))


def _waits(situation: Situation, draft: Draft, task: Task, floor: _Floor) -> Reason | None:
    """Return what a task waits for; None when it may start. The order is the order of reasons."""
    return (
        blocked.by(situation, task)
        or _dependency(situation, draft, task)
        or _ownership(task, floor)
        or _network(situation, task)
        or budget.wait(situation, draft, task, floor.money)
        or governor.wait(situation, draft, task, floor.holds)
        or blocked.by_disk(situation)
        or _machine(situation, draft, task)
        or (reason("slot", f"all {situation.swarm.agents_max} agent slots are taken") if floor.free <= 0 else None)
    )


def _machine(situation: Situation, draft: Draft, task: Task) -> Reason | None:
    """Return why its last start failed, where that is not tried again yet: others have the place meanwhile."""
    each = failures.not_due(situation, draft, Step("StartSession", task.id))
    return reason("the machine", sentence(each)) if each else None


def _network(situation: Situation, task: Task) -> Reason | None:
    runtime, model = agents.runtime_of(situation.swarm, task)
    return blocked.by_network(situation, runtime.name, model)


def _dependency(situation: Situation, draft: Draft, task: Task) -> Reason | None:
    for name in task.depends_on:
        phase = _phase_of(situation, draft, name)
        if phase in SATISFIED:
            continue
        tail = f" and is {phase}" if phase in {"failed", "cancelled", "needs-human"} else f" ({phase})" if phase else ""
        return reason("dependency", f"it depends on {name}, which has not landed{tail}", other=name)
    return None


def _phase_of(situation: Situation, draft: Draft, name: TaskId) -> str:
    status = draft.views.get(name) or situation.observed.statuses.get(name)
    if status is not None:
        return status.phase
    return "landed" if name in situation.observed.archived else ""


def _ownership(task: Task, floor: _Floor) -> Reason | None:
    for other in floor.owners.values():
        if other.id != task.id and scope.overlap(task.scope, other.scope):
            text = f"{other.id} is at work on files that this task owns too"
            return reason("file ownership", text, other=other.id)
    return None
