"""`experiment`: the arms beside each other, over hot and archived tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from swarmgit.app.look import Look
from swarmgit.app.names import find
from swarmgit.app.views.tasks import statuses
from swarmgit.model.status import TaskStatus
from swarmgit.plan.experiments import Comparison, compare
from swarmgit.ports.repository import Objects
from swarmgit.state import kinds
from swarmgit.state.archive import newest

ARCHIVED_MAX = 5000
"""How many archived tasks are read, the newest first."""


def comparisons(objects: Objects, look: Look) -> tuple[Comparison, ...]:
    """Return every experiment in force with what can be said of it."""
    known = tuple(_all(objects, look)) if look.desired.experiments else ()
    return tuple(compare(experiment, known) for _, experiment in sorted(look.desired.experiments.items()))


def comparison(objects: Objects, look: Look, name: str) -> Comparison:
    """Return one experiment with what can be said of it."""
    experiments = look.desired.experiments
    return compare(experiments[find(name, experiments, "experiment")], _all(objects, look))


def _all(objects: Objects, look: Look) -> Iterator[TaskStatus]:
    hot = statuses(look)
    yield from hot.values()
    yield from islice(newest(objects, look.observed.state_head, kinds.TASKS, but=hot), ARCHIVED_MAX)
