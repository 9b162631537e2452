"""Write down what happened: the outcomes of a tick become at most one state commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from swarmgit.documents import failures, incidents, paths, quoting
from swarmgit.documents import state as documents
from swarmgit.model.actions import (
    Archive,
    Remove,
    Salvage,
    Save,
    SaveConvoy,
    SaveEntry,
    SaveFile,
    SaveFollowed,
    SaveGateHistory,
    SaveIdentity,
    SaveIncident,
    SaveMail,
    SaveTask,
)
from swarmgit.model.failures import Rescue, SaveFailures, SetAside
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.mail import DEAD
from swarmgit.model.outcomes import Failed, Outcome, ToSave, Underway
from swarmgit.model.renames import RenameTask
from swarmgit.ports.store import StateStore

SUBJECT_CHARS_MAX = 100

Reader = Callable[[str], bytes | None]
"""Reads a file of the state branch as it stands before the commit."""

Refuse = Callable[[Save, Exception], None]


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


def files(saves: Sequence[Save], read: Reader, refuse: Refuse | None = None) -> dict[str, bytes | None]:
    """Return the changed files by path; None deletes."""
    changes: dict[str, bytes | None] = {}
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


def _changes(save: Save, before: dict[str, bytes | None], read: Reader) -> dict[str, bytes | None]:  # noqa: C901, PLR0911, PLR0912  one line per kind
    match save:
        case SaveTask(status):
            return {paths.state_task(status.task): documents.dump_status(status)}
        case SaveEntry(entry):
            return {paths.state_entry(entry.id, entry.enqueued): documents.dump_entry(entry)}
        case SaveIdentity(identity):
            return {paths.state_agent(identity.name): documents.dump_identity(identity)}
        case SaveGateHistory(history):
            return {paths.state_gate(history.gate): documents.dump_gate_history(history)}
        case SaveConvoy(convoy):
            return {paths.state_convoy(convoy.convoy): documents.dump_convoy_status(convoy)}
        case SaveIncident(incident):
            return {paths.state_incident(incident.id): incidents.dump(incident)}
        case SaveFailures(of):
            return {paths.state_failures(of.owner): failures.dump(of) if of.steps else None}
        case SaveFollowed(followed):
            return {paths.state_followed(followed.new): documents.dump_followed(followed)}
        case SaveMail():
            return _mail(save)
        case RenameTask():
            return _renamed(save, before, read)
        case Remove(path):
            return {path: None}
        case SaveFile():
            return {save.path: _content(save, before, read)}
        case Archive(path, to):
            return {to: _pending(path, before, read), path: None}


def _renamed(save: RenameTask, before: dict[str, bytes | None], read: Reader) -> dict[str, bytes | None]:
    """Return a task's files under its new name. What a person asked by the new name already is the newer word."""
    old, new = save.old, save.status.task
    changes: dict[str, bytes | None] = {save.path: None}
    for place in (paths.state_control, paths.state_report):
        content = _pending(place(old), before, read)
        if content is not None:
            changes |= {place(new): _pending(place(new), before, read) or content, place(old): None}
    return {**changes, paths.state_task(new): documents.dump_status(save.status)}


def _mail(save: SaveMail) -> dict[str, bytes | None]:
    """Return a message's file. The name a dead letter is addressed to may be anything, and is no path."""
    mail = save.mail
    content = documents.dump_mail(mail)
    if not mail.refused:
        return {paths.state_mail(mail.to, mail.id): content}
    left: dict[str, bytes | None] = {paths.state_mail(mail.to, mail.id): None} if save.was_kept else {}
    return {**left, paths.state_mail(DEAD, mail.id): content}


def _pending(path: str, changes: dict[str, bytes | None], read: Reader) -> bytes | None:
    return changes[path] if path in changes else read(path)


def _content(save: SaveFile, changes: dict[str, bytes | None], read: Reader) -> bytes:
    before = _pending(save.path, changes, read) or b"" if save.append else b""
    content = save.content.encode()
    return before if save.once and content in before.splitlines(keepends=True) else before + content


def message(saves: Sequence[Save]) -> str:
    """Return the commit's message: what happened to which task, one line each, readable as a story."""
    lines = [
        quoting.line(save.reason)
        for save in saves
        if isinstance(save, SaveTask | RenameTask | SaveConvoy | SaveIncident) and save.reason
    ]
    if not lines:
        return _quiet(saves)
    first = lines[0] if len(lines) == 1 else f"{_head(lines[0])} and {len(lines) - 1} more"
    subject = first if len(first) <= SUBJECT_CHARS_MAX else first[: SUBJECT_CHARS_MAX - 1] + "…"
    is_whole = len(lines) == 1 and subject == first
    return subject if is_whole else "\n".join((subject, "", *lines))


def _head(line: str) -> str:
    return line.partition(" (")[0]


def _quiet(saves: Sequence[Save]) -> str:  # noqa: C901, PLR0912  one line per kind
    words: list[str] = []
    for save in saves:
        match save:
            case RenameTask(reason=reason):
                words.append(reason)
            case SaveTask(status):
                words.append(f"{status.task}: {quoting.line(status.reason) or status.phase}")
            case SaveEntry(entry):
                words.append(f"{entry.task}: {entry.events[-1].kind if entry.events else entry.state}")
            case SaveGateHistory(history):
                words.append(f"gate {history.gate}")
            case SaveIdentity(identity):
                words.append(f"{identity.name}")
            case SaveConvoy(convoy):
                words.append(f"convoy {convoy.convoy}")
            case SaveIncident(incident):
                words.append(f"incident {incident.id}")
            case SaveFailures(of):
                words.append(f"{of.owner}: {'a step failed' if of.steps else 'what failed has worked'}")
            case SaveFollowed(followed):
                words.append(f"follow {followed.remote}/{followed.branch} to {followed.new[:10]}")
            case SaveMail(mail, _):
                words.append(f"mail {mail.sender} → {mail.to}")
            case Remove(path):
                words.append(f"done {path}")
            case Archive(path, _):
                words.append(f"archive {path}")
            case SaveFile(path):
                words.append(path)
    subject = ", ".join(dict.fromkeys(words))
    return subject if len(subject) <= SUBJECT_CHARS_MAX else subject[: SUBJECT_CHARS_MAX - 1] + "…"
