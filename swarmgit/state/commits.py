"""Write down what happened: the outcomes of a tick become at most one state commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from swarmgit.documents import quoting
from swarmgit.model.actions import Archive, Remove, Salvage, Save, SaveFile, StateChange
from swarmgit.model.failures import Rescue, SetAside
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.outcomes import Failed, Outcome, ToSave, Underway
from swarmgit.model.renames import RenameTask
from swarmgit.ports.store import StateStore
from swarmgit.state import kinds

SUBJECT_CHARS_MAX = 100

Files = dict[str, bytes | None]
"""Changed files by path; None deletes."""

Reader = Callable[[str], bytes | None]
"""Reads a file of the state branch as it stands before the commit."""

Refuse = Callable[[StateChange, Exception], None]


def commit(
    outcomes: Sequence[Outcome], state: StateStore, read: Reader, now: datetime, refuse: Refuse | None = None
) -> CommitId | None:
    """Write the saves of a tick as one state commit; None when there is nothing to write.

    `refuse` hears of each save that cannot be put into words; the others are written without it.
    """
    saves = [outcome.save for outcome in outcomes if isinstance(outcome, ToSave)]
    changes = files(saves, read, refuse)
    if not changes:
        return None
    return state.write(changes, message(saves), now)


def unsaved(outcomes: Sequence[Outcome]) -> frozenset[TaskId]:
    """Return the tasks whose work should be saved and is not yet: nothing of them may be recorded or let go of."""
    found = (outcome.action for outcome in outcomes if isinstance(outcome, Failed | Underway))
    return frozenset(action.task for action in found if isinstance(action, Salvage | SetAside | Rescue) and action.task)


def files(saves: Sequence[StateChange], read: Reader, refuse: Refuse | None = None) -> Files:
    """Return the changed files."""
    changes: Files = {}
    for save in saves:
        try:
            changes.update(_changes(save, changes, read))
        except MemoryError:
            raise
        except Exception as error:
            if refuse is None:
                raise
            refuse(save, error)
    return changes


def _changes(save: StateChange, before: Files, read: Reader) -> Files:
    match save:
        case Save(value, _, replaces):
            kind = kinds.of(value)
            content = kind.dump(value) if kind.is_kept(value) else None
            return ({replaces: None} if replaces else {}) | {kind.path(value): content}
        case RenameTask():
            return _renamed(save, before, read)
        case Remove(path):
            return {path: None}
        case SaveFile():
            return {save.path: _content(save, before, read)}
        case Archive(path, to):
            return {to: _pending(path, before, read), path: None}


def _renamed(save: RenameTask, before: Files, read: Reader) -> Files:
    """Return a task's files under its new name. What a person asked by the new name already is the newer word."""
    old, new = save.old, save.status.task
    changes: Files = {save.path: None}
    for kind in (kinds.TASK_CONTROL, kinds.REPORTS):
        content = _pending(kind.file(old), before, read)
        if content is not None:
            changes |= {kind.file(new): _pending(kind.file(new), before, read) or content, kind.file(old): None}
    return {**changes, kinds.TASKS.path(save.status): kinds.TASKS.dump(save.status)}


def _pending(path: str, changes: Files, read: Reader) -> bytes | None:
    return changes[path] if path in changes else read(path)


def _content(save: SaveFile, changes: Files, read: Reader) -> bytes:
    before = _pending(save.path, changes, read) or b"" if save.append else b""
    content = save.content.encode()
    return before if save.once and content in before.splitlines(keepends=True) else before + content


def message(saves: Sequence[StateChange]) -> str:
    """Return the commit's message: what happened to which task, one line each, readable as a story."""
    lines = [quoting.line(save.reason) for save in saves if isinstance(save, Save | RenameTask) and save.reason]
    if not lines:
        return _cut(", ".join(dict.fromkeys(map(_quiet, saves))))
    first = lines[0] if len(lines) == 1 else f"{_head(lines[0])} and {len(lines) - 1} more"
    subject = _cut(first)
    is_whole = len(lines) == 1 and subject == first
    return subject if is_whole else "\n".join((subject, "", *lines))


def _cut(subject: str) -> str:
    return subject if len(subject) <= SUBJECT_CHARS_MAX else subject[: SUBJECT_CHARS_MAX - 1] + "…"


def _head(line: str) -> str:
    return line.partition(" (")[0]


def _quiet(save: StateChange) -> str:
    """Return a change in the words of a message that tells no story."""
    match save:
        case Save(value):
            return kinds.of(value).line(value)
        case RenameTask(reason=reason):
            return reason
        case Remove(path):
            return f"done {path}"
        case Archive(path, _):
            return f"archive {path}"
        case SaveFile(path):
            return path
