"""Convoys: how far each is, and what becomes of a member that its agent could not do.

What lands together is the merge queue's to say (`plan/order.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from swarmgit.model.actions import Save
from swarmgit.model.convoys import ConvoyState, ConvoyStatus
from swarmgit.model.desired import Convoy, Task
from swarmgit.model.ids import ConvoyId, TaskId
from swarmgit.model.mail import HUMAN, Letter
from swarmgit.model.status import ASLEEP, TaskStatus
from swarmgit.plan import mail
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.wallets import members
from swarmgit.state import kinds
from swarmgit.state.kinds import archived

DONE = frozenset({"landed", "unchanged", "reported"})
CANCELLED = "cancelled"
ARCHIVED = "landed"
UNSEEN = "waiting"


def reassign(situation: Situation, draft: Draft) -> None:
    """Give each member that has failed for good to another agent, up to its convoy's limit.

    A pinned agent is a person's choice: its task is not taken from it.
    """
    for convoy_id, tasks in members(situation.desired).items():
        convoy = situation.desired.convoys[convoy_id]
        for name in tasks:
            view, task = draft.views.get(name), situation.desired.tasks.get(name)
            if view is not None and task is not None and _may_be_reassigned(convoy, task, view):
                draft.views[name] = _to_another(convoy, task, view)


def _may_be_reassigned(convoy: Convoy, task: Task, view: TaskStatus) -> bool:
    return (
        view.phase == "failed"
        and view.last is not None
        and task.agent is None
        and len(view.taken_from) < convoy.reassign_max
    )


def _to_another(convoy: Convoy, task: Task, view: TaskStatus) -> TaskStatus:
    last = view.attempts[-1]
    return replace(
        view,
        phase="waiting",
        reason=f"{last.agent} could not do it; convoy {convoy.id} gives it to another agent",
        waiting_for=(),
        window=len(view.attempts) + 1,
        taken_from=(*view.taken_from, last.agent),
        generation=task.generation,
    )


def follow(situation: Situation, draft: Draft) -> None:
    """Write each convoy's progress where it has changed, and tell people when it cannot be completed or is closed.

    A convoy that has left the intent leaves the hot folder.
    """
    for convoy_id, tasks in members(situation.desired).items():
        convoy = situation.desired.convoys[convoy_id]
        stored = situation.observed.convoys.get(convoy.id)
        status = status_of(situation, draft, convoy, tasks)
        if stored is not None and stored.closed is not None and status.state == "closed":
            status = replace(status, closed=stored.closed)
        if status != stored and not situation.observed.is_broken(kinds.CONVOYS.file(convoy.id)):
            draft.add(Save(status, _story(stored, status)))
            _tell(situation, draft, stored, status)
    for name, stored in situation.observed.convoys.items():
        if name not in situation.desired.convoys:
            draft.add(archived(kinds.CONVOYS, stored, situation.now))


def status_of(situation: Situation, draft: Draft, convoy: Convoy, tasks: tuple[TaskId, ...]) -> ConvoyStatus:
    """Return how far a convoy is: `incomplete` where a member waits for a person, `closed` where all is done."""
    phases = {task: _phase(situation, draft, task) for task in tasks}
    stopped = [task for task, phase in phases.items() if phase in ASLEEP]
    is_closed = bool(phases) and all(phase in DONE | {CANCELLED} for phase in phases.values())
    state: ConvoyState = "incomplete" if stopped else "closed" if is_closed else "open"
    return ConvoyStatus(
        convoy=convoy.id,
        title=convoy.title,
        state=state,
        done=sum(phase in DONE for phase in phases.values()),
        total=len(phases),
        reason=_reason(convoy, stopped, phases),
        members=phases,
        closed=situation.now if state == "closed" else None,
    )


def _phase(situation: Situation, draft: Draft, task: TaskId) -> str:
    status = draft.views.get(task) or situation.observed.statuses.get(task)
    if status is not None:
        return status.phase
    return ARCHIVED if task in situation.observed.archived else UNSEEN


def _reason(convoy: Convoy, stopped: Iterable[TaskId], phases: dict[TaskId, str]) -> str:
    names = [f"{task} ({phases[task]})" for task in stopped]
    if not names:
        return ""
    said = ", ".join(names[:5])
    if convoy.on_failure == "continue":
        return f"{said}: the others land"
    landed = [task for task, phase in phases.items() if phase == "landed"]
    if not landed:
        return f"{said}: the others do not land without it"
    before = f"{', '.join(landed[:5])}{' and more' if len(landed) > 5 else ''}"
    return f"{said}: {before} had to land before it; what has not landed yet waits for it"


def counted(status: ConvoyStatus) -> str:
    """Return how much is done, in words; what a person cancelled is not done."""
    cancelled = sum(phase == CANCELLED for phase in status.members.values())
    return f"{status.done} of {status.total}" + (f", {cancelled} cancelled" if cancelled else "")


def _story(stored: ConvoyStatus | None, status: ConvoyStatus) -> str:
    if stored is not None and stored.state == status.state:
        return ""
    why = f" ({status.reason})" if status.reason else f" ({counted(status)})"
    return f"convoy {status.convoy}: {status.state}{why}" if stored is not None or status.state != "open" else ""


def _tell(situation: Situation, draft: Draft, stored: ConvoyStatus | None, status: ConvoyStatus) -> None:
    if stored is not None and stored.state == status.state and stored.reason == status.reason:
        return
    if status.state == "open":
        return
    stopped = [task for task, phase in status.members.items() if phase in ASLEEP]
    is_closed = status.state == "closed"
    commands = [f"    swarmgit why {task}\n    swarmgit task restart {task}\n" for task in stopped[:5]]
    body = "" if is_closed else f"{status.reason}\n\nWhat answers this:\n{''.join(commands)}"
    letter = Letter(
        to=(HUMAN,),
        subject=f"convoy {status.convoy} is {status.state}: {counted(status)}",
        body=body,
        type="task_complete" if is_closed else "escalation",
        priority="normal" if is_closed else "high",
        convoy=ConvoyId(status.convoy),
    )
    attempts = sum(len(view.attempts) for task in stopped if (view := draft.views.get(TaskId(task))) is not None)
    key = f"convoy/{status.convoy}/{status.state}/{status.reason}/{attempts}/{counted(status)}"
    mail.from_swarmgit(situation, draft, letter, key)
