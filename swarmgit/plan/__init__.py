"""Decide: a pure function from what is asked for and what is seen to what is done next."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from swarmgit.model.actions import Action, FollowRemote, Land, Plan, Retire, Save, StateChange, saves
from swarmgit.model.desired import Desired
from swarmgit.model.histories import Followed
from swarmgit.model.ids import TaskId
from swarmgit.model.observed import Observed
from swarmgit.model.sessions import ProgramSession, of_kind
from swarmgit.model.status import ASLEEP, FINISHED, TaskStatus
from swarmgit.plan import (
    archive,
    conditions,
    convoys,
    drift,
    failures,
    full_runs,
    gate_runs,
    handoffs,
    incidents,
    lost,
    mail,
    predictions,
    queue,
    renames,
    schedule,
    settling,
    tasks,
    triage,
    watchdog,
)
from swarmgit.plan.incidents import detect, escalate, infrastructure
from swarmgit.plan.situation import Draft, Situation

POLL_S = 2.0
UNREAD_S = 0.01
"""How soon it looks again while a session has printed more than one look reads. Nothing is looked at sooner."""

MOVES = (Land, FollowRemote)
"""What is tried again and again while a person's edit is in the way: that is waiting, not moving."""


def plan(
    desired: Desired,
    observed: Observed,
    now: datetime,
    only: frozenset[TaskId] = frozenset(),
    *,
    apply_now: bool = False,
    held: frozenset[TaskId] = frozenset(),
) -> Plan:
    """Return the actions that bring what is observed closer to what is desired.

    The order is the order of decisions: what has ended and what was written is taken in, the queue lands what it can,
    each task takes its next step, free slots are handed out, mail goes out, and what is finished leaves the hot
    folders. Stops come before starts, so that a freed slot is used once the stop has been seen to work.

    `held`: tasks whose work could not be saved. They stay as the state has them, and nothing of theirs is let go of.
    """
    if desired.swarm is None:
        return Plan(is_settled=True, needs_person=True)
    one = renames.follow(desired, observed, held)
    situation = Situation.of(one.desired, desired.swarm, one.observed, now, one.names(only), apply_now=apply_now)
    held |= one.names(held)
    draft = Draft(held, actions=[*one.saves], missing=observed.missing, is_waiting_for_time=bool(held))
    _take_in(situation, draft)
    queue.run(situation, draft)
    _advance(situation, draft)
    drift.follow(situation, draft)
    triage.follow(situation, draft)
    convoys.reassign(situation, draft)
    schedule.start(situation, draft)
    full_runs.want(situation, draft)
    predictions.foresee(situation, draft)
    gate_runs.run(situation, draft)
    failures.tell(situation, draft)
    convoys.follow(situation, draft)
    detect.report(situation, draft)
    infrastructure.report(situation, draft)
    watchdog.patrol(situation, draft)
    incidents.record(situation, draft)
    escalate.write(situation, draft)
    archive.tell_of_unread(situation, draft)
    mail.deliver(situation, draft)
    archive.move(situation, draft)
    gate_runs.save_histories(situation, draft)
    draft.save_identities(observed)
    _write_down(situation, draft)
    return _close(situation, draft)


def _write_down(situation: Situation, draft: Draft) -> None:
    """Save each task as it stands now, and let go of the sessions whose end is recorded."""
    _keep_asides(situation, draft)
    _save_tasks(situation, draft)
    _retire_recorded(situation, draft)
    _keep_unread(situation, draft)


def _take_in(situation: Situation, draft: Draft) -> None:
    """Take in what failed, what gates answered, and what was written."""
    failures.collect(situation, draft)
    gate_runs.collect(situation, draft)
    mail.collect(situation, draft)
    incidents.collect(situation, draft)


def _advance(situation: Situation, draft: Draft) -> None:
    """Let each open task take its next step, but for those that are held."""
    failures.hold_entries(situation, draft)
    for task in _open_tasks(situation):
        draft.views[task] = failures.held(situation, draft, task) or tasks.advance(situation, draft, task)
    lost.others(situation, draft)


def _open_tasks(situation: Situation) -> list[TaskId]:
    """Return the tasks that may still change: neither archived nor finished, unless a person asked for them again."""
    statuses, observed = situation.observed.statuses, situation.observed
    asked = {each.task for each in observed.landing_controls.values()}
    names = {*situation.desired.tasks, *statuses, *situation.by_task, *asked}
    return sorted(
        name
        for name in names
        if name not in observed.unreadable
        and (name in statuses or name in situation.by_task or name in asked or name not in observed.archived)
        and (name not in statuses or name in asked or _may_change(situation, statuses[name]))
    )


def _may_change(situation: Situation, status: TaskStatus) -> bool:
    if status.phase not in FINISHED or status.task in situation.by_task:
        return True
    if status.phase in {"landed", "reverted"}:
        return False
    control = situation.control(status.task)
    if control.restart is not None and control.restart != status.restart:
        return True
    return status.phase == "cancelled" and status.task in situation.desired.tasks and not control.cancelled


def _retire_recorded(situation: Situation, draft: Draft) -> None:
    """Let go of sessions whose end the state has already: a crash came between the record and the letting go."""
    for task, sessions in situation.by_task.items():
        stored = situation.observed.statuses.get(task)
        view = draft.views.get(task, stored)
        is_done = view is None or view.phase in FINISHED | ASLEEP
        ended = (a for a in stored.attempts if a.outcome != "running") if stored else ()
        settled = {a.session for a in ended if is_done or not handoffs.is_held(a)}
        for session in sessions:
            if session.is_finished and session.spec.id in settled:
                draft.add(Retire(session.spec.id, task))


def _keep_unread(situation: Situation, draft: Draft) -> None:
    """Hold on to sessions that ended and left more letters than one look takes in: the next ticks take the rest."""
    unread = {id_ for id_, outbox in situation.observed.outboxes.items() if outbox.is_waiting}
    if unread:
        draft.actions = [a for a in draft.actions if not (isinstance(a, Retire) and a.session in unread)]


def _keep_asides(situation: Situation, draft: Draft) -> None:
    """Write what sessions beside attempts have used to the tasks that they worked for."""
    for name, asides in draft.asides.items():
        status = draft.views.get(name) or situation.observed.statuses.get(name)
        if status is not None:
            known = {aside.session for aside in status.asides}
            new = tuple(aside for aside in asides if aside.session not in known)
            draft.views[name] = replace(status, asides=(*status.asides, *new))


def _save_tasks(situation: Situation, draft: Draft) -> None:
    for name, view in draft.views.items():
        stored = situation.observed.statuses.get(name)
        updated = replace(view, conditions=conditions.of(view, stored, situation.now))
        draft.views[name] = updated
        if updated != stored and not (name in draft.passing and _is_same_but_words(updated, stored)):
            draft.add(Save(updated, _story(stored, updated)))


def _is_same_but_words(status: TaskStatus, stored: TaskStatus | None) -> bool:
    """Return whether nothing but the sentence differs that the next tick will replace anyway."""
    if stored is None:
        return not status.attempts
    said = replace(status, reason=stored.reason, waiting_for=stored.waiting_for, conditions=stored.conditions)
    return said == stored


def _story(stored: TaskStatus | None, status: TaskStatus) -> str:
    """Return the step in words for the state commit's message, '' when the phase is the same."""
    if stored is not None and stored.phase == status.phase:
        return ""
    return f"{status.task}: {status.phase}" + (f" ({status.reason})" if status.reason else "")


def _close(situation: Situation, draft: Draft) -> Plan:
    failing = failures.close(situation, draft)
    actions = _in_order(draft.actions)
    blocked = any(_is_move(action) for action in actions) and bool(situation.observed.blocked)
    is_moving = any(not (_is_move(action) and blocked) for action in actions)
    sessions = situation.observed.sessions.values()
    is_settled = not is_moving and not draft.is_waiting_for_time and all(session.is_over for session in sessions)
    is_settled = is_settled and not settling.unnamed(situation, draft)
    is_asleep = any(view.phase in ASLEEP for view in draft.views.values())
    needs_person = is_asleep or draft.needs_person or any(map(failures.is_stuck, failing))
    if any(each.hearing.unread and not each.hearing.deaf for each in of_kind(sessions, ProgramSession)):
        draft.wakes.append(UNREAD_S)
    wake = min(draft.wakes, default=POLL_S)
    wake = min(max(wake, UNREAD_S), POLL_S)
    reasons = {name: draft.reason_of(view) for name, view in draft.views.items() if view.phase not in FINISHED}
    return Plan(actions, draft.views, is_settled, needs_person, wake, failing, reasons)


def _is_move(action: Action) -> bool:
    return isinstance(action, MOVES) or saves(action, Followed)


def _in_order(actions: list[Action]) -> tuple[Action, ...]:
    """Return effects before saves; within each, the order in which they were decided."""
    saves = [action for action in actions if isinstance(action, StateChange)]
    return (*(action for action in actions if not isinstance(action, StateChange)), *saves)
