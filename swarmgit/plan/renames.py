"""A renamed task file keeps its story: what state knows under the old name goes on under the new one.

A task whose file is gone was renamed where exactly one new file has the same content. While it is worked for it goes by
its old name, because sessions, refs and the queue know it by that; then its status moves, in one state commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.actions import Save, StateChange
from swarmgit.model.desired import Desired
from swarmgit.model.ids import BlobId, TaskId
from swarmgit.model.observed import Observed
from swarmgit.model.queue import WAITING
from swarmgit.model.renames import RenameTask
from swarmgit.model.sessions import AgentSession, of_kind
from swarmgit.model.status import FINISHED, TaskStatus
from swarmgit.state import kinds

Value = TypeVar("Value")
UNDER_WAY = frozenset({"running", "submitted", "no-change", "handed-over"})


class Followed(Struct, frozen=True):
    """Intent and world with each task under one name, and what is written down of that.

    `goes_by`: of tasks that are still worked for, the new name to the old one, by which they go.
    """

    desired: Desired
    observed: Observed
    goes_by: Mapping[TaskId, TaskId]
    saves: tuple[StateChange, ...] = ()

    def names(self, tasks: frozenset[TaskId]) -> frozenset[TaskId]:
        """Return the tasks by the names that they go by."""
        return frozenset(self.goes_by.get(task, task) for task in tasks)


def follow(desired: Desired, observed: Observed, held: frozenset[TaskId] = frozenset()) -> Followed:
    """Return intent and world as if renamed tasks had always had one name. `held`: tasks that stay as they are."""
    pairs = _pairs(desired, observed)
    statuses = dict(observed.statuses)
    goes_by: dict[TaskId, TaskId] = {}
    saves: list[StateChange] = []
    for old, new in sorted(pairs.items()):
        status = statuses.get(old) or TaskStatus(old, title=old)  # a session without a record: it is adopted
        if {old, new} & held or _is_under_way(observed, status):
            goes_by[new] = old
            if status.renamed_to != new:
                statuses[old] = replace(status, renamed_to=new)
                saves += [] if old in held else [Save(statuses[old], f"{old}: its file is called {new} now")]
            continue
        del statuses[old]
        statuses[new] = _moved(status, new)
        saves.append(_rename(statuses[new], old, kinds.TASKS.file(old)))
    for new, former in sorted(observed.former.items()):
        if new in desired.tasks and new not in statuses and new not in pairs.values():
            statuses[new] = _moved(former.status, new)
            saves.append(_rename(statuses[new], former.status.task, former.path))
    saves += _settled_names(desired, statuses, held)
    if not pairs and not saves:
        return Followed(desired, observed, {})
    moved = {old: new for old, new in pairs.items() if new not in goes_by}
    seen = replace(_renamed(observed, moved, goes_by), statuses=statuses)
    return Followed(_read_as(desired, goes_by) if goes_by else desired, seen, goes_by, tuple(saves))


def _pairs(desired: Desired, observed: Observed) -> dict[TaskId, TaskId]:
    """Return the old and the new name of each task whose file was renamed."""
    asked, known = desired.tasks.keys() | desired.held, observed.statuses
    pairs = {
        each.task: each.renamed_to
        for each in known.values()
        if each.renamed_to in asked and each.renamed_to not in known and each.task not in asked
    }
    before: dict[BlobId, list[TaskId]] = {}
    for name, content in _contents(observed).items():
        if name not in asked and name not in pairs and name not in observed.unreadable:
            before.setdefault(content, []).append(name)
    if not before:
        return pairs
    new: dict[BlobId, list[TaskId]] = {}
    for task in desired.tasks.values():
        if task.generation in before and task.id not in known and task.id not in pairs.values():
            new.setdefault(task.generation, []).append(task.id)
    for content, names in new.items():
        is_plain = len(names) == len(before[content]) == 1
        if is_plain and names[0] not in observed.archived and names[0] not in observed.unreadable:
            pairs[before[content][0]] = names[0]
    return pairs


def _contents(observed: Observed) -> dict[TaskId, BlobId]:
    """Return what the file of each known task was when it was last looked at. A session may be ahead of its record."""
    found: dict[TaskId, BlobId] = {}
    for session in of_kind(observed.sessions.values(), AgentSession):
        found[session.spec.task] = session.spec.generation
    for name, status in observed.statuses.items():
        if status.content is not None:
            found[name] = status.content
    return found


def _is_under_way(observed: Observed, status: TaskStatus) -> bool:
    """Return whether anything still knows the task by its old name: a session, the queue, a failed step."""
    entry = observed.entries.get(status.entry) if status.entry is not None else None
    is_open = entry is not None and (entry.state in WAITING or entry.state == "landing")
    if is_open or status.task in observed.failures:
        return True
    if any(session.spec.task == status.task for session in observed.sessions.values()):
        return True
    return status.phase not in FINISHED and status.last is not None and status.last.outcome in UNDER_WAY


def _moved(status: TaskStatus, new: TaskId) -> TaskStatus:
    old = status.task
    reason = f"{status.reason}; renamed from {old}" if status.phase in FINISHED and status.reason else status.reason
    return replace(status, task=new, reason=reason, renamed_from=(*status.renamed_from, old), renamed_to=None)


def _rename(status: TaskStatus, old: TaskId, path: str) -> RenameTask:
    return RenameTask(status, old, f"{status.task}: it was called {old}", path)


def _settled_names(desired: Desired, statuses: dict[TaskId, TaskStatus], held: frozenset[TaskId]) -> list[StateChange]:
    """Forget the new names of tasks whose file has its old name again, and return what is written of that."""
    back = [each for each in statuses.values() if each.renamed_to is not None and each.task in desired.tasks]
    for each in back:
        statuses[each.task] = replace(each, renamed_to=None)
    return [Save(statuses[each.task]) for each in back if each.task not in held]


def _renamed(observed: Observed, moved: Mapping[TaskId, TaskId], goes_by: Mapping[TaskId, TaskId]) -> Observed:
    """Return the world with what was said of a task by either of its names under the one that it goes by."""
    now = {**moved, **goes_by}
    said = {name: replace(each, task=now.get(each.task, each.task)) for name, each in observed.landing_controls.items()}
    return replace(
        observed,
        controls=_under(observed.controls, moved, goes_by),
        landings=_under(observed.landings, moved, {}),
        drift=_under(observed.drift, moved, {}),
        landing_controls=said,
    )


def _under(
    found: Mapping[TaskId, Value], moved: Mapping[TaskId, TaskId], goes_by: Mapping[TaskId, TaskId]
) -> dict[TaskId, Value]:
    """Return values by task under the names that these go by; what was said of the new name is the newer word."""
    kept = {task: value for task, value in found.items() if task not in moved}
    came = {new: found[old] for old, new in moved.items() if old in found and new not in found}
    later = {old: found[new] for new, old in goes_by.items() if new in found}
    return {**kept, **came, **later}


def _read_as(desired: Desired, goes_by: Mapping[TaskId, TaskId]) -> Desired:
    """Return the intent with tasks under the names that they go by, wherever it names them."""

    def name(task: TaskId) -> TaskId:
        return goes_by.get(task, task)

    tasks = {
        name(id_): replace(task, id=name(id_), depends_on=tuple(map(name, task.depends_on)))
        if id_ in goes_by or any(each in goes_by for each in task.depends_on)
        else task
        for id_, task in desired.tasks.items()
    }
    convoys = {id_: replace(each, tasks=tuple(map(name, each.tasks))) for id_, each in desired.convoys.items()}
    held = frozenset(map(name, desired.held))
    return replace(desired, tasks=dict(sorted(tasks.items())), convoys=convoys, held=held)
