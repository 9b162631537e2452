"""What documents say about each other: pure checks that return faults, each with the key it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple, get_args

from msgspec import Struct, field

from swarmgit.documents import paths
from swarmgit.documents.spelling import did_you_mean
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.desired import DEFAULT_ROUTING, Convoy, Swarm, Task, TaskType
from swarmgit.model.experiments import Experiment
from swarmgit.model.ids import ConvoyId, TaskId
from swarmgit.model.mail import HUMAN, RESERVED, SWARMGIT, TYPES
from swarmgit.model.policy import Policy

NO_ROLES = frozenset({"default", "gate"})
"""Names in the policy's `commands` beside those of roles."""


class Fault(NamedTuple):
    """One thing wrong in `file`, at the value that `steps` lead to."""

    file: str
    steps: tuple[str | int, ...]
    message: str


class Context(Struct, frozen=True):
    """What a task is judged against. `task_ids`: every task that the commit has a file for, usable or not."""

    swarm: Swarm | None
    roles: AbstractSet[str]
    task_ids: AbstractSet[TaskId]
    convoys: Mapping[ConvoyId, Convoy] = field(default_factory=dict)
    convoy_ids: AbstractSet[ConvoyId] = frozenset()
    adapters: AbstractSet[str] = ADAPTERS.keys()


def swarm_faults(swarm: Swarm, adapters: AbstractSet[str]) -> list[Fault]:
    """Return what `swarm.yaml` says that contradicts itself or names an adapter nobody knows."""
    file = paths.SWARM_YAML
    faults = [
        Fault(
            file,
            ("runtimes", name, "adapter"),
            f"unknown adapter '{runtime.adapter}'{did_you_mean(runtime.adapter, adapters)}",
        )
        for name, runtime in swarm.runtimes.items()
        if runtime.adapter not in adapters
    ]
    for name, tier in swarm.tiers.items():
        message = _runtime_objection(tier.runtime, swarm, adapters)
        if message:
            faults.append(Fault(file, ("tiers", name, "runtime"), message))
    for task_type in swarm.watchdog.types:
        if task_type not in get_args(TaskType):
            message = f"unknown type of task '{task_type}'{did_you_mean(task_type, get_args(TaskType))}"
            faults.append(Fault(file, ("watchdog", "types", task_type), message))
    for name in swarm.watchdog.tiers:
        if name not in swarm.tiers:
            message = f"unknown tier '{name}'{did_you_mean(name, swarm.tiers)}"
            faults.append(Fault(file, ("watchdog", "tiers", name), message))
    for task_type, tier_name in swarm.routing.items():
        if tier_name not in swarm.tiers and tier_name != DEFAULT_ROUTING.get(task_type):
            faults.append(
                Fault(file, ("routing", task_type), f"unknown tier '{tier_name}'{did_you_mean(tier_name, swarm.tiers)}")
            )
    return faults


def task_faults(task: Task, context: Context) -> list[Fault]:
    """Return what a task says that nothing else in the commit answers to (cycles aside)."""
    found = [
        *_dependency_faults(task, context),
        *_convoy_faults(task, context),
        *_runtime_faults(task, context),
    ]
    if task.role not in context.roles:
        near = did_you_mean(task.role, context.roles)
        message = f"unknown role '{task.role}': there is no {paths.ROLES}/{task.role}.md{near}"
        found.append((("role",), message))
    if task.agent in RESERVED:
        found.append((("agent",), f"no agent can be called '{task.agent}': the mailbox of that name is not an agent's"))
    return [Fault(task.path, steps, message) for steps, message in found]


_Found = tuple[tuple[str | int, ...], str]


def _dependency_faults(task: Task, context: Context) -> Iterable[_Found]:
    for index, needed in enumerate(task.depends_on):
        if needed not in context.task_ids:
            yield ("depends_on", index), f"unknown task '{needed}'{did_you_mean(needed, context.task_ids)}"


def _convoy_faults(task: Task, context: Context) -> Iterable[_Found]:
    if task.convoy is None:
        owners = [convoy.id for convoy in context.convoys.values() if task.id in convoy.tasks]
        if len(owners) > 1:
            yield (), f"more than one convoy has this task: {', '.join(sorted(owners))}"
        return
    if task.convoy not in context.convoy_ids:
        near = did_you_mean(task.convoy, context.convoy_ids)
        yield ("convoy",), f"unknown convoy '{task.convoy}': there is no {paths.CONVOYS}/{task.convoy}.yaml{near}"
    convoy = context.convoys.get(task.convoy)
    if convoy and convoy.tasks and task.id not in convoy.tasks:
        yield ("convoy",), f"the convoy '{task.convoy}' does not list this task in {paths.CONVOYS}/{task.convoy}.yaml"
    for other in context.convoys.values():
        if other.id != task.convoy and task.id in other.tasks:
            yield ("convoy",), f"the convoy '{other.id}' lists this task too, in {paths.CONVOYS}/{other.id}.yaml"


def _runtime_faults(task: Task, context: Context) -> Iterable[_Found]:
    swarm = context.swarm
    if swarm is None:
        return
    if task.runtime is not None:
        message = _runtime_objection(task.runtime, swarm, context.adapters)
        if message:
            yield ("runtime",), message
        return
    tier_name = swarm.routing.get(task.type, "")
    if tier_name not in swarm.tiers:
        message = (
            f"tasks of type {task.type} go to the tier '{tier_name}', which is not in 'tiers' of {paths.SWARM_YAML}; "
            "add it there, or give this task a 'runtime'"
        )
        yield ("type",), message
        return
    message = _runtime_objection(swarm.tiers[tier_name].runtime, swarm, context.adapters)
    if message:
        yield ("type",), f"the tier '{tier_name}' cannot work: {message}"


def _runtime_objection(runtime: str, swarm: Swarm, adapters: AbstractSet[str]) -> str | None:
    if runtime in swarm.runtimes:
        adapter = swarm.runtimes[runtime].adapter
        return None if adapter in adapters else f"the runtime '{runtime}' has the unknown adapter '{adapter}'"
    if runtime == "command":
        return f"the runtime 'command' needs a program: name one under 'runtimes' in {paths.SWARM_YAML}"
    known = {*swarm.runtimes, *adapters} - {"command"}
    return None if runtime in known else f"unknown runtime '{runtime}'{did_you_mean(runtime, known)}"


def policy_faults(policy: Policy, context: Context, tasks: Iterable[Task]) -> list[Fault]:
    """Return what the policy says of runtimes, roles and agents that do not exist: it would have no effect."""
    swarm = context.swarm
    runtimes = {*swarm.runtimes, *context.adapters} if swarm is not None else policy.credentials.keys()
    roles = {*context.roles, *NO_ROLES}
    found: list[_Found] = [
        (("credentials", name), f"unknown runtime '{name}'{did_you_mean(name, runtimes)}")
        for name in sorted(policy.credentials.keys() - runtimes)
    ]
    found += [
        (("commands", name), f"unknown role '{name}'{did_you_mean(name, roles)}")
        for name in sorted(policy.commands.keys() - roles)
    ]
    return [*(Fault(paths.POLICY_YAML, *each) for each in found), *comms_faults(policy, context, tasks)]


def comms_faults(policy: Policy, context: Context, tasks: Iterable[Task]) -> list[Fault]:
    """Return what the rules of `comms` name that does not exist."""
    pinned = {str(task.agent) for task in tasks if task.agent is not None}
    found: list[_Found] = []
    for index, rule in enumerate(policy.comms):
        for key, selector in (("from", rule.sender), ("to", rule.to)):
            message = _selector_objection(selector, pinned, context)
            if message:
                found.append((("comms", index, key), message))
        for place, name in enumerate(rule.types or ()):
            if name not in TYPES:
                found.append((("comms", index, "types", place), f"unknown type '{name}'{did_you_mean(name, TYPES)}"))
    return [Fault(paths.POLICY_YAML, steps, message) for steps, message in found]


def _selector_objection(selector: str, pinned: AbstractSet[str], context: Context) -> str | None:
    kind, colon, name = selector.partition(":")
    if kind == "role" and colon:
        return None if name in context.roles else f"unknown role '{name}'{did_you_mean(name, context.roles)}"
    if kind == "convoy" and colon:
        known = name in context.convoy_ids
        return None if known else f"unknown convoy '{name}'{did_you_mean(name, context.convoy_ids)}"
    if selector in {HUMAN, SWARMGIT}:
        return f"mail to and from {selector} is always open; a rule for it means nothing"
    role, _, number = selector.rpartition("-")
    if selector in pinned or (number.isdigit() and role in context.roles):
        return None
    near = did_you_mean(selector, {*pinned, *(f"role:{role}" for role in context.roles)})
    return f"unknown agent '{selector}': no task pins it, and it is no ROLE-NUMBER; also role:NAME, convoy:NAME{near}"


def convoy_faults(convoy: Convoy, task_ids: AbstractSet[TaskId]) -> list[Fault]:
    """Return the tasks a convoy names that do not exist."""
    file = f"{paths.CONVOYS}/{convoy.id}.yaml"
    return [
        Fault(file, ("tasks", index), f"unknown task '{task}'{did_you_mean(task, task_ids)}")
        for index, task in enumerate(convoy.tasks)
        if task not in task_ids
    ]


def stepwise_members(tasks: Mapping[TaskId, Task], convoys: Mapping[ConvoyId, Convoy]) -> list[Fault]:
    """Return where members of a convoy that holds need each other: no fault, but these cannot land together."""
    found: list[Fault] = []
    for convoy in (each for each in convoys.values() if each.on_failure == "hold"):
        members = {*convoy.tasks, *(task.id for task in tasks.values() if task.convoy == convoy.id)}
        for task in (tasks[name] for name in sorted(members & tasks.keys())):
            needs = [(index, need) for index, need in enumerate(task.depends_on) if need in members]
            found += [Fault(task.path, ("depends_on", index), _in_steps(task, need, convoy)) for index, need in needs]
    return found


def _in_steps(task: Task, need: TaskId, convoy: Convoy) -> str:
    return (
        f"'{task.id}' starts when '{need}' has landed, so '{need}' lands before it although convoy '{convoy.id}' "
        f"holds; nothing takes it back should '{task.id}' fail"
    )


def experiment_faults(experiment: Experiment, context: Context) -> list[Fault]:
    """Return what an experiment's arms name that does not exist, and arms that are no different from another."""
    found: list[_Found] = []
    seen: dict[object, str] = {}
    for index, arm in enumerate(experiment.arms):
        if arm.name in seen.values():
            found.append((("arms", index, "name"), f"another arm is called '{arm.name}' too"))
        settings = (arm.runtime, arm.model, arm.role)
        if settings in seen:
            message = f"the arm '{arm.name}' is the same as '{seen[settings]}': there is nothing to compare"
            found.append((("arms", index), message))
        seen.setdefault(settings, arm.name)
        if arm.runtime is not None and context.swarm is not None:
            message = _runtime_objection(arm.runtime, context.swarm, context.adapters) or ""
            found += [(("arms", index, "runtime"), message)] if message else []
        if arm.role is not None and arm.role not in context.roles:
            near = did_you_mean(arm.role, context.roles)
            message = f"unknown role '{arm.role}': there is no {paths.ROLES}/{arm.role}.md{near}"
            found.append((("arms", index, "role"), message))
    return [Fault(f"{paths.EXPERIMENTS}/{experiment.id}.yaml", steps, message) for steps, message in found]


def cycles(tasks: Mapping[TaskId, Task]) -> list[tuple[TaskId, ...]]:
    """Return each dependency cycle once, starting with its smallest id: (a, b, c) means a needs b needs c needs a."""
    found: set[tuple[TaskId, ...]] = set()
    finished: set[TaskId] = set()
    for root in sorted(tasks):
        _walk_for_cycles(root, tasks, finished, found)
    return sorted(found)


def _walk_for_cycles(
    root: TaskId, tasks: Mapping[TaskId, Task], finished: set[TaskId], found: set[tuple[TaskId, ...]]
) -> None:
    """Depth first without recursion; every task is entered once."""
    trail: list[TaskId] = []
    position: dict[TaskId, int] = {}
    stack: list[tuple[TaskId, bool]] = [(root, False)]
    while stack:
        task, leaving = stack.pop()
        if leaving:
            trail.pop()
            del position[task]
            finished.add(task)
        elif task in position:
            found.add(_rotated(trail[position[task] :]))
        elif task not in finished and task in tasks:
            position[task] = len(trail)
            trail.append(task)
            stack.append((task, True))
            stack += [(needed, False) for needed in reversed(tasks[task].depends_on)]


def _rotated(cycle: list[TaskId]) -> tuple[TaskId, ...]:
    start = cycle.index(min(cycle))
    return (*cycle[start:], *cycle[:start])


def cycle_fault(cycle: tuple[TaskId, ...], tasks: Mapping[TaskId, Task]) -> Fault:
    """Return the one fault that a cycle is reported as, at its first member's dependency."""
    first, following = tasks[cycle[0]], cycle[1 % len(cycle)]
    shown = " → ".join((*cycle, cycle[0]))
    return Fault(
        first.path, ("depends_on", first.depends_on.index(following)), f"the tasks wait for each other: {shown}"
    )


def is_in_cycle(task: TaskId, tasks: Mapping[TaskId, Task]) -> bool:
    """Return whether a task needs itself in the end."""
    seen: set[TaskId] = set()
    stack = [task]
    while stack:
        for needed in tasks[stack.pop()].depends_on:
            if needed == task:
                return True
            if needed in tasks and needed not in seen:
                seen.add(needed)
                stack.append(needed)
    return False
