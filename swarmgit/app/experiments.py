"""`experiment`: the arms beside each other, over hot and archived tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from swarmgit.app.look import Look
from swarmgit.app.names import find
from swarmgit.app.views.tasks import statuses
from swarmgit.model.status import TaskStatus
from swarmgit.plan.experiments import Comparison, compare
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds
from swarmgit.state.archive import newest

ARCHIVED_MAX = 5000
"""How many archived tasks are read, the newest first."""


def comparisons(world: ReadWorld, look: Look) -> tuple[Comparison, ...]:
    """Return every experiment in force with what can be said of it."""
    known = tuple(_all(world, look)) if look.desired.experiments else ()
    return tuple(compare(experiment, known) for _, experiment in sorted(look.desired.experiments.items()))


def comparison(world: ReadWorld, look: Look, name: str) -> Comparison:
    """Return one experiment with what can be said of it."""
    experiments = look.desired.experiments
    return compare(experiments[find(name, experiments, "experiment")], _all(world, look))


def _all(world: ReadWorld, look: Look) -> Iterator[TaskStatus]:
    hot = statuses(look)
    yield from hot.values()
    yield from islice(newest(world.objects, look.observed.state_head, kinds.TASKS, but=hot), ARCHIVED_MAX)
