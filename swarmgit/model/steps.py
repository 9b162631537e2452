"""Whose step an action is."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from swarmgit.model import actions, pins
from swarmgit.model.actions import Action, Save
from swarmgit.model.failures import NOBODY, Failures, Rescue, SetAside, Step
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import EntryId, SessionId, TaskId
from swarmgit.model.mail import Mail
from swarmgit.model.queue import Entry
from swarmgit.model.renames import RenameTask
from swarmgit.model.sessions import Session
from swarmgit.model.status import Identity, TaskStatus


def kind_of(action: Action) -> str:
    """Return the name of an action's kind; what saves a value has one for each kind of value."""
    return f"Save{type(action.value).__name__}" if isinstance(action, Save) else type(action).__name__


def step_of(action: Action) -> Step:
    """Return the step that an action is, as far as the action itself tells."""
    step = _of_task(action) or _of_entry(action) or _of_session(action)
    return step or Step(kind_of(action))


def owned_step(action: Action, entries: Mapping[EntryId, Entry], sessions: Mapping[SessionId, Session]) -> Step:
    """Return the step that an action is, with its task where its entry or its session has one."""
    return with_task(step_of(action), entries, sessions)


def with_task(step: Step, entries: Mapping[EntryId, Entry], sessions: Mapping[SessionId, Session]) -> Step:
    """Return a step with its task, by its entry or its session."""
    if step.task is not None:
        return step
    entry = entries.get(step.entry) if step.entry else None
    session = sessions.get(step.session) if step.session else None
    task: TaskId | None = entry.task if entry else session.spec.task if session else None
    return replace(step, task=task)


def _of_task(action: Action) -> Step | None:
    kind = kind_of(action)
    match action:
        case actions.StartSession(spec) | actions.FinishSession(spec):
            return Step(kind, spec.task, session=spec.id, part="" if spec.kind == "agent" else spec.kind)
        case actions.RunGate(spec):
            return Step(kind, action.task or spec.task, session=spec.id, part=spec.gate or "")
        case actions.StopSession(session, task) | actions.Retire(session, task):
            return Step(kind, task, session=session, part=session)
        case actions.Salvage(task, session) | SetAside(session, task) | Rescue(session, task):
            return Step(kind, task, session=session)
        case Save(value=Failures(owner=owner)):
            return Step(kind, None if owner == NOBODY else TaskId(owner))
        case Save(value=TaskStatus(task=task)) | RenameTask(status=TaskStatus(task=task)):
            return Step(kind, task)
        case Save(value=Mail() as mail):
            return Step(kind, mail.task, session=mail.session)
        case _:
            return None


def _of_entry(action: Action) -> Step | None:
    kind = kind_of(action)
    match action:
        case Save(value=Entry() as saved):
            return Step(kind, saved.task, saved.id)
        case actions.Land(entries):
            return Step(kind, entry=entries[0])
        case pins.Unpin(entries):
            return Step(kind, entry=entries[0])
        case pins.Submit(entry, task):
            return Step(kind, task, entry)
        case actions.StartPush():
            return Step(kind, entry=action.entry)
        case _:
            return None


def _of_session(action: Action) -> Step | None:
    kind = kind_of(action)
    match action:
        case actions.Predict(session) | actions.DeliverMail(session) | actions.TakeMail(session):
            return Step(kind, session=session)
        case Save(value=Identity(name=part) | GateHistory(gate=part)):
            return Step(kind, part=part)
        case actions.SaveFile(path) | actions.Archive(path) | actions.Remove(path):
            return Step(kind, part=path)
        case _:
            return None
