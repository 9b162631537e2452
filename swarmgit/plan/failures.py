"""Failures belong to their step: it alone is tried again later and later, and in the end needs a person for its task.

Counts are in state, by owner. A person's request begins afresh; nobody else waits. What could not be saved holds its
whole task back: nothing of it may be recorded, let go of or started (P3).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from swarmgit.model.actions import Save, saves
from swarmgit.model.failures import (
    NOBODY,
    FailedStep,
    Failures,
    ForgetTries,
    SetAside,
    Step,
    Try,
)
from swarmgit.model.ids import TaskId
from swarmgit.model.mail import Mail
from swarmgit.model.queue import WAITING
from swarmgit.model.reasons import reason
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import FINISHED, TaskStatus
from swarmgit.model.steps import owned_step, with_task
from swarmgit.plan import books
from swarmgit.plan.failure_words import SAVING, STARTS, alert, sentence, way_out
from swarmgit.plan.situation import Draft, Situation, session_ended

SAME_MAX = 7
TRIES_MAX = 20
"""So often in a row the same way, or in any way, before a person is needed."""

WAIT, WAIT_MAX = timedelta(seconds=0.2), timedelta(minutes=10)
WAIT_ALONE_MAX = timedelta(seconds=0.8)
"""Where a person waits for the end of the run, and nobody is at work any more that something else could wait for."""

WAIT_OF_NOBODYS_MAX = timedelta(seconds=30)
"""What is nobody's alone keeps everybody waiting, and has no person who answers for it."""

TRIED_MAX = 100
"""After so many tries a step rests until a person asks for something."""

FORGOTTEN_AFTER = timedelta(hours=1)
VITAL = frozenset(
    {"StartSession", "StopSession", "FinishSession", "Salvage", "RunGate", "TryMerges", "Land", "StartPush"}
)
"""Without these a task does not come on. The others are withheld, told as an incident, and keep nobody."""

TOLD = (TaskStatus, Failures, Mail)
"""What may be written of a held task: its status is as the state has it, but for the words that say why it is held."""

MACHINE = "the machine"
"""What a task waits for that cannot start anything: no attempt of it is used."""


def collect(situation: Situation, draft: Draft) -> None:
    """Count what came of the last tries, begin afresh where a person asked for it, and hold back what has to be."""
    observed = situation.observed
    draft.failed = {each.step.key: each for known in observed.failures.values() for each in known.steps}
    for tried in sorted(observed.tries, key=lambda each: each.at):
        _count(situation, draft, tried)
    if observed.tries:
        draft.add(ForgetTries(observed.tries))
    for key, each in list(draft.failed.items()):
        if each.asked != _asked(situation, each.step):
            if each.step.kind in SAVING and each.step.task is not None and _wants_anew(situation, each.step.task):
                draft.given_up.add(each.step.task)
            del draft.failed[key]
        elif not is_due(situation, each):
            _hold(situation, draft, each)


def _count(situation: Situation, draft: Draft, tried: Try) -> None:
    step = with_task(tried.step, situation.observed.entries, situation.observed.sessions)
    before = draft.failed.get(step.key)
    if not tried.signature:
        draft.failed.pop(step.key, None)
        return
    if before is not None and tried.at <= before.last and not _is_set_back(situation, before, tried):
        return  # it is counted; a crash came before the note went
    is_same = before is not None and before.signature == tried.signature
    draft.failed[step.key] = FailedStep(
        step,
        tried.signature,
        tried.message,
        first=before.first if before and is_same else tried.at,
        last=tried.at,
        count=before.count + 1 if before and is_same else 1,
        tries=before.tries + 1 if before else 1,
        hint=tried.hint,
        asked=_asked(situation, step, tried.at),
    )


def _is_set_back(situation: Situation, before: FailedStep, tried: Try) -> bool:
    """Return whether a try looks older than the last one only because the clock was set back in between."""
    return before.last > situation.now and tried.at != before.last


def _asked(situation: Situation, step: Step, by: datetime | None = None) -> str:
    """Return what a person has asked of a step's owner, as a text that changes with every request.

    `by`: nothing where they have asked since then, so that it counts for nothing now.
    """
    control = situation.control(step.task) if step.task else None
    wish = situation.observed.entry_controls.get(step.entry) if step.entry else None
    said = [each.at for each in (control, wish) if each is not None and each.at is not None]
    if by is not None and any(by < at <= situation.now for at in said):
        return ""
    return " ".join(f"{at:%Y-%m-%dT%H:%M:%S.%f}" for at in said)


def _wants_anew(situation: Situation, task: TaskId) -> bool:
    """Return whether a person wants to go on without the work that the task has: restart, cancel, or drop."""
    control, stored = situation.control(task), situation.observed.statuses.get(task)
    is_restart = control.restart is not None and (stored is None or control.restart != stored.restart)
    entry = situation.observed.entries.get(stored.entry) if stored and stored.entry else None
    wish = situation.observed.entry_controls.get(entry.id) if entry else None
    is_dropped = wish is not None and wish.dropped and entry is not None and entry.state in WAITING
    return control.cancelled or is_restart or is_dropped


def is_due(situation: Situation, each: FailedStep) -> bool:
    """Return whether a failed step is tried now. A new `reconcile` tries each once: somebody may have repaired it."""
    trusted = situation.observed.trusted_since
    if trusted is not None and each.last < trusted:
        return True
    return each.tries < TRIED_MAX and not each.last <= situation.now < next_try(situation, each)


def next_try(situation: Situation, each: FailedStep) -> datetime:
    """Return when a step is tried again by itself: later and later."""
    longest = WAIT_OF_NOBODYS_MAX if each.step.task is None else WAIT_MAX
    sessions = situation.observed.sessions.values()
    if situation.observed.is_waited_for and not is_stuck(each) and all(session.is_over for session in sessions):
        longest = WAIT_ALONE_MAX
    doubled: timedelta = WAIT * 2 ** min(each.tries - 1, 20)
    return each.last + min(doubled, longest)


def is_stuck(each: FailedStep) -> bool:
    """Return whether a step has failed so often that a person is needed."""
    return each.count >= SAME_MAX or each.tries >= TRIES_MAX


def _hold(situation: Situation, draft: Draft, each: FailedStep) -> None:
    if each.step.kind in {"Salvage", "Rescue", "SetAside"} and each.step.task is not None:
        draft.held |= {each.step.task}
        draft.withheld[each.step.key] = each
    elif each.step.kind in {"TryMerges", "Land"} and each.step.entry is not None:
        draft.apart[each.step.entry] = reason("step", sentence(each))
        entry = situation.observed.entries.get(each.step.entry)
        is_in_line = entry is not None and entry.state in WAITING  # then no landing of it is planned, to be withheld
        if each.step.kind == "TryMerges" or is_stuck(each) or is_in_line:
            draft.withheld[each.step.key] = each


# --- what is held, and what is withheld -------------------------------------------------------------------------------


def hold_entries(situation: Situation, draft: Draft) -> None:
    """Put the entries of held tasks back to what the state says: an end of theirs would be told without its work."""
    for entry in situation.observed.entries.values():
        if entry.task in draft.held:
            draft.entries[entry.id] = entry
            draft.refused.pop(entry.id, None)


def held(situation: Situation, draft: Draft, task: TaskId) -> TaskStatus | None:
    """Return where a held task stands, None where a task is not held: as the state has it."""
    if task not in draft.held:
        return None
    return situation.observed.statuses.get(task) or TaskStatus(task=task, title=task)


def give_up(situation: Situation, draft: Draft, status: TaskStatus, session: ProgramSession) -> TaskStatus:
    """Return the status of a task that a person wants to go on without what its session has made: that stays there."""
    draft.add(SetAside(session.spec.id, status.task))
    over = replace(
        status.attempts[-1],
        outcome="cancelled",
        ended=max(session_ended(session, situation.now), session.spec.started),
        usage=books.own_usage(session, status.attempts),
        reason="a person went on without its work, which could not be taken in and stays in its worktree",
    )
    return replace(status, attempts=(*status.attempts[:-1], over))


def tell(situation: Situation, draft: Draft) -> None:
    """Withhold the steps that are not due, and say of whom that asks for a person."""
    _withhold(situation, draft)
    for each in draft.withheld.values():
        draft.wake_at(next_try(situation, each), situation.now)
        if is_stuck(each):
            _stuck(draft, each)
        else:
            draft.is_waiting_for_time = True
            _say(draft, each)


def not_due(situation: Situation, draft: Draft, step: Step) -> FailedStep | None:
    """Return a step that somebody wants, where it has failed and is not tried now: it takes nobody's place."""
    each = draft.failed.get(step.key)
    if each is None or is_due(situation, each):
        return None
    draft.wanted.add(step.key)
    draft.withheld[step.key] = each
    return each


def _say(draft: Draft, each: FailedStep) -> None:
    """Say of a task what keeps it from starting, as long as that may pass."""
    view = draft.views.get(each.step.task) if each.step.task else None
    if each.step.kind in STARTS and _is_vital(each) and view is not None and view.phase not in FINISHED:
        why = reason("the machine", f"{sentence(each)}; it is tried again by itself")
        draft.views[view.task] = draft.because(view, why)
        draft.passing.discard(view.task)


def _withhold(situation: Situation, draft: Draft) -> None:
    """Take out of the plan what held tasks would do, and each step that is not due."""
    if not draft.held and not draft.failed:
        return
    known, kept = situation.observed, []
    for action in draft.actions:
        step = owned_step(action, known.entries, known.sessions)
        draft.wanted.add(step.key)
        each = draft.failed.get(step.key)
        if each is not None and not is_due(situation, each):
            draft.withheld[step.key] = each
        elif step.task not in draft.held or saves(action, *TOLD):
            kept.append(action)
    draft.actions = kept


def _stuck(draft: Draft, each: FailedStep) -> None:
    task = each.step.task
    view = draft.views.get(task) if task else None
    if _is_vital(each) and view is not None and view.phase not in FINISHED:
        text = f"{sentence(each)}; when that is repaired, `swarmgit reconcile` tries again; {way_out(each)}"
        kind = "work not saved" if each.step.kind in SAVING else "step"
        draft.views[view.task] = draft.because(view, reason(kind, text, task=task), "needs-human")
    draft.alerts.append(alert(each))


def _is_vital(each: FailedStep) -> bool:
    return each.step.kind in VITAL and each.step.part != "triage"  # without that one the watchdog goes on


def close(situation: Situation, draft: Draft) -> tuple[FailedStep, ...]:
    """Withhold what was planned since, write the counts, and return the steps that are withheld."""
    _withhold(situation, draft)
    left = [
        each for key, each in draft.failed.items() if key in draft.withheld or _is_remembered(situation, draft, each)
    ]
    owners = {each.step.task or NOBODY for each in left} | situation.observed.failures.keys()
    for owner in sorted(owners):
        steps = _in_order(each for each in left if (each.step.task or NOBODY) == owner)
        if steps != situation.observed.failures.get(owner, Failures(owner)).steps:
            draft.add(Save(Failures(owner, steps)))
    return _in_order(draft.withheld.values())


def _in_order(steps: Iterable[FailedStep]) -> tuple[FailedStep, ...]:
    return tuple(sorted(steps, key=lambda each: each.step.key))


def _is_remembered(situation: Situation, draft: Draft, each: FailedStep) -> bool:
    """Return whether a step still counts: it is wanted, or was not long ago, and its task is not finished."""
    if each.step.key in draft.wanted or each.step.task in draft.held:
        return True
    task = each.step.task
    status = (draft.views.get(task) or situation.observed.statuses.get(task)) if task else None
    is_over = status is not None and status.phase in FINISHED
    return not is_over and situation.now - each.last < FORGOTTEN_AFTER
