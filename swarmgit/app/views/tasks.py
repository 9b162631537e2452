"""Tasks as people and programs see them: what was asked for and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from swarmgit.app.names import find_task
from swarmgit.app.views.reasons import reason_row
from swarmgit.app.views.times import stamp, stamp_or_none
from swarmgit.model.handoffs import Handoff
from swarmgit.model.ids import TaskId
from swarmgit.model.landings import Drift
from swarmgit.model.status import Attempt, GateResult, TaskStatus
from swarmgit.plan.priorities import Raised, raised
from swarmgit.state import kinds

if TYPE_CHECKING:
    from swarmgit.app.look import Look


def statuses(look: Look) -> dict[TaskId, TaskStatus]:
    """Return the status of every task of the intent and of every stored one that is in the hot folder, by id.

    What the plan sees comes first, then what is stored; a task that neither knows yet is waiting.
    """
    known = {**look.observed.statuses, **look.plan.views}
    for task in look.desired.tasks.values():
        if task.id not in known and task.id not in look.observed.archived:
            known[task.id] = TaskStatus(task=task.id, title=task.title, reason="not looked at yet")
    for name in look.observed.unreadable:
        where = kinds.TASKS.file(name)
        what = next((str(problem) for problem in look.observed.problems if problem.file == where), where)
        title = look.desired.tasks[name].title if name in look.desired.tasks else name
        known[name] = TaskStatus(name, title, "needs-human", f"its file of state cannot be read: {what}")
    for held in look.desired.held:
        if held not in known and held not in look.observed.archived:
            known[held] = TaskStatus(
                task=held, title=str(held), reason="its file has a problem; see 'swarmgit validate'"
            )
    for name, found in look.observed.drift.items():
        if name in known and found.kind != "reverted" and known[name].landed_commit:
            known[name] = replace(known[name], reason=drifted(known[name], found))
    return dict(sorted(known.items()))


def drifted(status: TaskStatus, found: Drift) -> str:
    """Return in words that a landing is not on the target as it was."""
    start = f"landed as {(status.landed_commit or '')[:10]}"
    if found.kind == "rewritten":
        return f"{start}, which the target has as {found.commit[:10]} now"
    return f"{start}, but the target no longer has it"


def task_rows(look: Look) -> list[dict[str, Any]]:
    """Return every task as `status --json` shows it."""
    higher = raised(look.desired)
    return [_task_row(look, status, higher.get(status.task)) for status in statuses(look).values()]


def _task_row(look: Look, status: TaskStatus, higher: Raised | None) -> dict[str, Any]:
    """`usd` None: no price is known. `priority_from`: the convoy that raises it. `why`: the reason, and what helps."""
    last = status.last
    task = look.desired.tasks.get(status.task)
    own = task.priority if task else None
    return {
        "id": status.task,
        "title": status.title,
        "phase": status.phase,
        "priority": higher.priority if higher else own,
        "priority_from": higher.convoy if higher else None,
        "reason": status.reason,
        "waiting_for": list(status.waiting_for),
        "why": reason_row(look, status),
        "agent": last.agent if last else None,
        "session": last.session if last else None,
        "attempts": len(status.attempts),
        "tokens": sum(attempt.usage.tokens for attempt in status.attempts),
        "tokens_at_least": any(attempt.usage.at_least for attempt in status.attempts),
        "usd": total_usd(status.attempts),
        "landed_commit": status.landed_commit,
    }


def total_usd(attempts: Sequence[Attempt]) -> float | None:
    """Return what was spent; None when nothing has a price, or tokens were used that have none."""
    usages = [attempt.usage for attempt in attempts]
    priced = [usage.usd for usage in usages if usage.usd is not None]
    is_unknown = any(usage.is_unpriced for usage in usages)
    return None if is_unknown or not priced else round(sum(priced), 6)


def tasks_document(look: Look) -> dict[str, Any]:
    """Return `task list --json`."""
    return {"version": 1, "tasks": task_rows(look)}


def task_document(look: Look, name: str) -> dict[str, Any]:
    """Return `task show --json`: the task's row, what its file asks for, its conditions and every attempt."""
    known = statuses(look)
    status = known[find_task(name, known, known)]
    task = look.desired.tasks.get(status.task)
    control = look.observed.controls.get(status.task)
    return {
        "version": 1,
        **_task_row(look, status, raised(look.desired).get(status.task)),
        "file": task.path if task else None,
        "type": task.type if task else None,
        "role": task.role if task else None,
        "depends_on": list(task.depends_on) if task else [],
        "owns": list(task.scope.owns) if task else [],
        "shares": list(task.scope.shares) if task else [],
        "modes": list(task.scope.modes) if task else [],
        "acceptance": [item.run for item in task.acceptance] if task else [],
        "description": task.description if task else None,
        "renamed_from": list(status.renamed_from),
        "renamed_to": status.renamed_to,
        "paused": bool(control and control.paused),
        "finished": stamp_or_none(status.finished),
        "conditions": [{**asdict(condition), "since": stamp(condition.since)} for condition in status.conditions],
        "history": [attempt_row(attempt) for attempt in status.attempts],
    }


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    rejection = attempt.rejection
    return {
        "number": attempt.number,
        "session": attempt.session,
        "agent": attempt.agent,
        "runtime": attempt.runtime,
        "model": attempt.model,
        "started": stamp(attempt.started),
        "ended": stamp_or_none(attempt.ended),
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "base": attempt.base,
        "head": attempt.head,
        "tokens": attempt.usage.tokens,
        "tokens_at_least": attempt.usage.at_least,
        "usd": attempt.usage.usd,
        "gates": [result_row(result) for result in attempt.gates],
        "rejection": {"kind": rejection.kind, "summary": rejection.summary, "next_step": rejection.next_step}
        if rejection
        else None,
        "salvage": attempt.salvage,
        "left_out": {"items": list(attempt.left_out.items), "ref": attempt.left_out.ref} if attempt.left_out else None,
        "handoff": _handoff(attempt.handoff) if attempt.handoff else None,
    }


def _handoff(told: Handoff) -> dict[str, Any]:
    """Return what a session told its successor. `accepted` None: that one has not said (yet) that it understood."""
    return {
        "at": stamp(told.at),
        "reason": told.reason,
        "by": told.by,
        **{key: list(value) if isinstance(value, tuple) else value for key, value in asdict(told.summary).items()},
        "successor": told.successor,
        "accepted": stamp_or_none(told.accepted),
        "acceptance": told.acceptance,
        "unanswered": told.unanswered,
    }


def result_row(result: GateResult) -> dict[str, Any]:
    return {
        "gate": result.gate,
        "outcome": result.outcome,
        "tree": result.tree,
        "at": stamp(result.at),
        "seconds": result.seconds,
        "session": result.session,
        "reused": result.reused,
        "reason": result.reason,
    }
