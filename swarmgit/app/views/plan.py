"""What a tick would do, in words: the JSON shape of `plan`, and the words of `reconcile`'s progress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from swarmgit.app.validate import warnings
from swarmgit.app.views.money import budget_row, convoy_budget_rows
from swarmgit.app.views.problems import problem_rows
from swarmgit.model import actions
from swarmgit.model.actions import Action, Save, StartSession
from swarmgit.model.ids import EntryId, TaskId
from swarmgit.model.incidents import Incident
from swarmgit.model.mail import Mail
from swarmgit.model.renames import RenameTask
from swarmgit.model.status import TaskStatus
from swarmgit.plan.budget import estimates

if TYPE_CHECKING:
    from swarmgit.app.look import Look

KIND_OF_PHASE = {
    "waiting": "wait",
    "rework": "rework",
    "verifying": "verify",
    "queued": "queue",
    "landed": "landed",
    "needs-human": "needs-human",
    "unchanged": "unchanged",
    "reported": "reported",
    "reverted": "revert",
    "failed": "fail",
    "cancelled": "cancel",
}


class Step(Struct, frozen=True):
    """One thing that a tick does. `task` None: it is nobody's alone."""

    kind: str
    task: TaskId | None
    reason: str


def plan_document(look: Look) -> dict[str, Any]:
    """Return `plan --json`: effects in order, changes of phase, then the tasks that wait."""
    steps = [*planned(look), *waiting(look)]
    return {
        "version": 1,
        "actions": [{"kind": step.kind, "task": step.task, "reason": step.reason} for step in steps],
        "cost": cost_band(look),
        "budget": budget_row(look),
        "convoy_budgets": convoy_budget_rows(look),
        "settled": look.plan.is_settled,
        "problems": problem_rows(look.desired.problems),
        "warnings": list(warnings(look.desired, look.observed.unreachable)),
    }


def planned(look: Look) -> Iterator[Step]:
    """Yield what the planned actions come to; bookkeeping that changes nothing for a person is left out."""
    for action in look.plan.actions:
        yield from steps_of(action, look)


def steps_of(action: Action, look: Look) -> tuple[Step, ...]:
    """Return an action in words; several for one that serves several tasks, none for mere bookkeeping."""
    match action:
        case actions.TryMerges():
            return tuple(Step("merge", item.task, f"try on {action.onto[:10]}") for item in action.items)
        case actions.Land():
            tasks = {entry.id: entry.task for entry in look.observed.entries.values()}
            return tuple(_landing(action, entry, tasks) for entry in action.entries)
        case RenameTask(status, old):
            return (Step("rename", status.task, f"it was called {old}"),)
        case Save(value=TaskStatus() as status):
            return _phase_change(status, action.reason, look)
        case _:
            step = _single(action)
            return (step,) if step else ()


def _single(action: Action) -> Step | None:
    match action:
        case StartSession():
            return Step("start", action.spec.task, f"{who(action)}: {action.reason}")
        case actions.StopSession():
            return Step("stop", action.task, action.stop.text)
        case actions.FinishSession():
            return Step("finish", action.spec.task, action.reason)
        case actions.RunGate():
            return Step("gate", action.task, f"{action.spec.gate}: {action.reason}")
        case actions.StartPush():
            return Step("push", None, action.reason)
        case actions.FollowRemote():
            return Step(
                "follow", None, f"{action.target} goes from {action.old[:10]} to {action.new[:10]}, pushed by others"
            )
        case actions.Salvage():
            return Step("salvage", action.task, f"keep {action.commit[:10]}, which will not land")
        case _:
            return _told(action)


def _told(action: Action) -> Step | None:
    """Return what goes out as mail or is reported as an incident."""
    match action:
        case Save(value=Mail(refused=str(rule)) as mail) if rule:
            return Step("refuse", mail.task, f"mail of {mail.sender}: {rule}")
        case actions.DeliverMail(_, mails):
            return Step("deliver", None, f"{len(mails)} messages to {mails[-1].to}, the last: {mails[-1].subject}")
        case Save(value=Incident(tasks=tasks), reason=story) if story:
            return Step("report", tasks[-1] if tasks else None, story)
        case _:
            return None


def who(action: StartSession) -> str:
    """Return 'agent (runtime)' or 'agent (runtime, model)'."""
    spec = action.spec
    how = ", ".join(part for part in (spec.runtime, spec.model) if part)
    return f"{spec.agent} ({how})"


def _landing(action: actions.Land, entry: EntryId, tasks: dict[EntryId, TaskId]) -> Step:
    return Step("land", tasks.get(entry), f"move {action.target} from {action.old[:10]} to {action.new[:10]}")


def _phase_change(status: TaskStatus, story: str, look: Look) -> tuple[Step, ...]:
    before = look.observed.statuses.get(status.task)
    phase = status.phase
    if (before and before.phase == phase) or phase in {"waiting", "running"}:
        return ()
    return (Step(KIND_OF_PHASE[phase], status.task, status.reason or story),)


def waiting(look: Look) -> Iterator[Step]:
    """Yield the tasks that would be started but for something, and for what."""
    started = {action.spec.task for action in look.plan.actions if isinstance(action, StartSession)}
    for task, view in sorted(look.plan.views.items()):
        if view.phase in {"waiting", "rework"} and task not in started:
            yield Step("wait", task, why_waiting(view))


def why_waiting(view: TaskStatus) -> str:
    """Return the reason as a sentence; where there is none, what is waited for."""
    return view.reason or ", ".join(view.waiting_for) or "waiting"


def _expected(look: Look, starts: list[StartSession]) -> float | None:
    """Return what sessions of these types have cost in the middle; None where too few are known."""
    known = estimates({**look.observed.statuses, **look.plan.views}.values(), look.desired.tasks)
    prices = [known.get(start.task.type) for start in starts]
    found = [price for price in prices if price is not None]
    return round(sum(found), 6) if found and len(found) == len(prices) else None


def cost_band(look: Look) -> dict[str, Any]:
    """Return what the planned starts may cost. `usd_max` None: a limit is missing, so there is no upper bound."""
    starts = [action for action in look.plan.actions if isinstance(action, StartSession)]
    default = look.desired.swarm.budget.usd_per_task if look.desired.swarm else None
    limits = [start.task.budget.usd if start.task.budget.usd is not None else default for start in starts]
    known = [limit for limit in limits if limit is not None]
    return {
        "starts": len(starts),
        "usd_min": 0.0,
        "usd_max": round(sum(known), 6) if len(known) == len(limits) else None,
        "without_limit": len(limits) - len(known),
        "usd_expected": _expected(look, starts),
    }
