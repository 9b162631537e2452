"""Finding what a person named: by its id, by the start of it where that is enough; else a guess at what was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from swarmgit.errors import PersonMustAct
from swarmgit.model.ids import TaskId
from swarmgit.model.renames import called
from swarmgit.model.status import TaskStatus
from swarmgit.ports.world import ReadWorld

Name = TypeVar("Name", bound=str)
LIST_COMMANDS = {
    "task": "swarmgit task list",
    "agent": "swarmgit agents",
    "session": "swarmgit status",
    "convoy": "swarmgit convoy list",
    "experiment": "swarmgit experiment list",
    "incident": "swarmgit incident list --all",
    "entry": "swarmgit queue list --all",
}


def find(name: str, known: Iterable[Name], kind: str) -> Name:
    """Return the one of `known` that is called `name` or, where that is unique, starts with it; else raise."""
    names = sorted(known)
    for candidate in names:
        if candidate == name:
            return candidate
    starting = [candidate for candidate in names if name and candidate.startswith(name)]
    if len(starting) == 1 and kind != "task":
        return starting[0]
    raise _unknown(name, [*starting] or difflib.get_close_matches(name, [*names], 3), kind)


def find_task(name: str, known: Iterable[TaskId], statuses: Mapping[TaskId, TaskStatus]) -> TaskId:
    """Return the one of `known` that is called `name`, or else the task that was, or will be, called so."""
    names = frozenset(known)
    renamed = called(statuses, name) if name not in names else None
    return renamed.task if renamed is not None else find(TaskId(name), names, "task")


def named_tasks(world: ReadWorld, names: Sequence[str]) -> frozenset[TaskId]:
    """Return the tasks of the intent that a person named; nothing is loaded when none was."""
    if not names:
        return frozenset()
    from swarmgit.app.look import loader

    desired = loader(world)()
    return frozenset(find(TaskId(name), {*desired.tasks, *desired.held}, "task") for name in names)


def _unknown(name: str, near: Sequence[str], kind: str) -> PersonMustAct:
    guess = f"; did you mean {' or '.join(repr(str(each)) for each in near[:3])}?" if near else ""
    return PersonMustAct(f"there is no {kind} {name!r}{guess}", f"list them with: {LIST_COMMANDS[kind]}")
