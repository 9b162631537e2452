"""Experiments: which arm a task belongs to, and what the attempts so far can say about the arms. Pure.

An arm follows from the task's id alone; a task that has been tried keeps its arm, also when weights are edited. What a
task's file says itself (its runtime or model) is a person's choice: such a task is in no experiment that changes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from statistics import fmean

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.desired import Desired, Task
from swarmgit.model.endings import CHARGED
from swarmgit.model.experiments import Arm, Experiment
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.plan.bounds import Interval, are_apart, mean_interval, wilson

COMPLETED = frozenset({"landed", "unchanged", "reported"})
GIVEN_UP = frozenset({"failed", "needs-human"})
TASKS_MIN = 5
"""Fewer ended tasks in an arm say nothing, whatever their figures are."""


def label_of(desired: Desired, task: Task, status: TaskStatus) -> str:
    """Return the experiment and arm (`id/arm`) of a task's next attempt, '' where it is in none."""
    before = status.last.experiment if status.last is not None else ""
    if before and _arm(desired, before) is not None:
        return before
    for _, experiment in sorted(desired.experiments.items()):
        if _takes_part(experiment, task):
            return f"{experiment.id}/{arm_of(experiment, task.id).name}"
    return ""


def as_in(desired: Desired, task: Task, label: str) -> Task:
    """Return a task with the runtime and model of its arm."""
    arm = _arm(desired, label)
    if arm is None:
        return task
    return replace(task, runtime=arm.runtime or task.runtime, model=arm.model or task.model)


def role_text(desired: Desired, task: Task, label: str) -> str:
    """Return the text that the task's prompt begins with; what the role may do does not change with it."""
    arm = _arm(desired, label)
    return desired.roles.get((arm.role if arm else None) or task.role, "")


def arm_of(experiment: Experiment, task: str) -> Arm:
    """Return the arm of a task: always the same for its id."""
    place = _place(experiment, task, "arm") * sum(arm.weight for arm in experiment.arms)
    for arm in experiment.arms:
        place -= arm.weight
        if place < 0:
            return arm
    return experiment.arms[-1]


def _takes_part(experiment: Experiment, task: Task) -> bool:
    if experiment.types and task.type not in experiment.types:
        return False
    is_pinned = (task.runtime is not None or task.model is not None) and any(
        arm.runtime is not None or arm.model is not None for arm in experiment.arms
    )
    return not is_pinned and _place(experiment, task.id, "share") < experiment.share


def _place(experiment: Experiment, task: str, what: str) -> float:
    """Return a number in [0, 1) that is a task's own in an experiment."""
    digest = hashlib.sha256(f"{experiment.id}/{what}/{task}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _arm(desired: Desired, label: str) -> Arm | None:
    name, _, wanted = label.partition("/")
    for experiment in desired.experiments.values():
        if experiment.id == name:
            return next((arm for arm in experiment.arms if arm.name == wanted), None)
    return None


# --- what can be said -------------------------------------------------------------------------------------------------


class Figure(Struct, frozen=True):
    """One figure of one arm: `value` None where nothing is known; `interval` holds it with 95 % confidence."""

    value: float | None
    interval: Interval | None
    count: int


class Measure(Struct, frozen=True):
    """One figure over all arms, in their order. `verdict`: what can be said, which may be that it cannot be told."""

    name: str
    figures: tuple[Figure, ...]
    verdict: str


class Comparison(Struct, frozen=True):
    """`ended`, `under_way`: tasks of each arm, in the order of the arms."""

    experiment: Experiment
    ended: tuple[int, ...]
    under_way: tuple[int, ...]
    measures: tuple[Measure, ...]


def compare(experiment: Experiment, statuses: Iterable[TaskStatus]) -> Comparison:
    """Return the arms beside each other, over all tasks that were tried for them and that no person took back."""
    arms: dict[str, list[TaskStatus]] = {arm.name: [] for arm in experiment.arms}
    for status in statuses:
        name, _, arm = (status.last.experiment if status.last else "").partition("/")
        if name == experiment.id and arm in arms and status.phase != "cancelled":
            arms[arm].append(status)
    ended = [[each for each in group if each.phase in COMPLETED | GIVEN_UP] for group in arms.values()]
    names = tuple(arms)
    measures = (
        _rates("completion", names, [[each.phase in COMPLETED for each in group] for group in ended]),
        _rates("first pass", names, [[_is_first_pass(each) for each in group] for group in ended]),
        _rates("rework", names, [[_has_rework(each) for each in group] for group in ended]),
        _means("tokens a task", names, [[float(_tokens(each)) for each in group] for group in ended]),
        _means("usd a task", names, [[usd for each in group if (usd := _usd(each)) is not None] for group in ended]),
        _means("minutes a task", names, [[_minutes(each) for each in group] for group in ended]),
    )
    counts = tuple(map(len, ended))
    under_way = tuple(len(group) - count for group, count in zip(arms.values(), counts, strict=True))
    return Comparison(experiment, counts, under_way, measures)


def _rates(name: str, arms: Sequence[str], groups: Sequence[Sequence[bool]]) -> Measure:
    figures = tuple(
        Figure(sum(group) / len(group) if group else None, wilson(sum(group), len(group)), len(group))
        for group in groups
    )
    return Measure(name, figures, _verdict(arms, figures))


def _means(name: str, arms: Sequence[str], groups: Sequence[Sequence[float]]) -> Measure:
    figures = tuple(
        Figure(fmean(group) if group else None, _not_below_zero(mean_interval(group)), len(group)) for group in groups
    )
    return Measure(name, figures, _verdict(arms, figures))


def _not_below_zero(interval: Interval | None) -> Interval | None:
    """Return the interval of something that is never negative."""
    return interval and (max(0.0, interval[0]), interval[1])


def _verdict(arms: Sequence[str], figures: Sequence[Figure]) -> str:
    """Return how each arm stands to the first, where their intervals do not meet and enough tasks have ended."""
    first, said = figures[0], []
    for name, figure in zip(arms[1:], figures[1:], strict=True):
        is_enough = min(first.count, figure.count) >= TASKS_MIN
        if is_enough and are_apart(first.interval, figure.interval):
            word = "higher" if (figure.value or 0.0) > (first.value or 0.0) else "lower"
            said.append(f"{name} is {word} than {arms[0]}")
    return "; ".join(said) or "cannot tell yet"


def _own(status: TaskStatus) -> tuple[Attempt, ...]:
    """Return the attempts that were made for the arm of the last one."""
    label = status.last.experiment if status.last else ""
    return tuple(attempt for attempt in status.attempts if attempt.experiment == label)


def _is_first_pass(status: TaskStatus) -> bool:
    return status.phase in COMPLETED and not any(attempt.outcome in CHARGED for attempt in _own(status))


def _has_rework(status: TaskStatus) -> bool:
    return any(attempt.outcome == "rejected" for attempt in _own(status))


def _tokens(status: TaskStatus) -> int:
    return sum(attempt.usage.tokens for attempt in _own(status))


def _usd(status: TaskStatus) -> float | None:
    """Return what a task cost; None where any of its attempts has no known price."""
    known = [attempt.usage.usd for attempt in _own(status)]
    return sum(usd for usd in known if usd is not None) if None not in known else None


def _minutes(status: TaskStatus) -> float:
    return sum(attempt.seconds or 0.0 for attempt in _own(status)) / 60
