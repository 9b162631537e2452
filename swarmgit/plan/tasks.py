"""The life of one task (DESIGN §5): where it stands now, and what has to happen next."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.actions import Save
from swarmgit.model.desired import Task
from swarmgit.model.endings import AttemptOutcome, used_up
from swarmgit.model.ids import EntryId, TaskId, ulid
from swarmgit.model.queue import WAITING, Entry, Queued
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.status import FINISHED, Attempt, Rejection, TaskStatus
from swarmgit.plan import attempts, attribution, claims, cv, governor, rejections, revival, verify, withdrawal
from swarmgit.plan.attempts import salvaged
from swarmgit.plan.situation import Draft, Situation

IN_LINE = "in the merge queue; its own gates are green"
CONFLICTS_MAX = 5
LOST_MAX = 5
ERRORS_MAX = 2
TRANSIENT_MAX = 6
LIMITS_MAX = 100
BOUNDS = {
    "conflict": CONFLICTS_MAX,
    "lost": LOST_MAX,
    "error": ERRORS_MAX,
    "transient": TRANSIENT_MAX,
    "rate-limited": LIMITS_MAX,
}
"""How often an attempt may end in a way that is not the agent's doing."""


def advance(situation: Situation, draft: Draft, task_id: TaskId) -> TaskStatus:
    """Return where a task stands after this tick; phase `waiting` or `rework` means that it wants a session."""
    task = situation.desired.tasks.get(task_id)
    stored = situation.observed.statuses.get(task_id)
    status = stored or TaskStatus(task=task_id, title=task.title if task else task_id)
    if task is not None:
        status = replace(status, title=task.title, convoy=task.convoy, generation=task.generation)
    status = _reopen(situation, draft, task, attempts.adopt(situation, status))
    said = claims.asked(situation, task_id)
    if status.phase in FINISHED and said is None:
        return status
    if status.last is not None and status.last.outcome == "running":
        status = attempts.follow(situation, draft, task, status)
        if status.last is not None and status.last.outcome == "running":
            return status
        cv.count_session(draft, situation, status)
        status = _reopen(situation, draft, task, status)  # what ended because of it is not started again before it
    if said is not None:
        return claims.answered(situation, draft, withdrawal.let_go(situation, draft, status), said)
    found = None if withdrawal.is_landing(draft, status) else claims.of(situation, status)
    if found is not None and found.proof:
        return claims.landed(situation, withdrawal.let_go(situation, draft, status), found)
    if task is None or situation.control(task_id).cancelled:
        return _withdraw(situation, draft, task, status)
    if found is not None:
        return claims.held(draft, withdrawal.let_go(situation, draft, status), found)
    return _next(situation, draft, task, status)


def _reopen(situation: Situation, draft: Draft, task: Task | None, status: TaskStatus) -> TaskStatus:
    """Return the status with a new window of attempts where a person asked for one: restart, edit, or put back."""
    control = situation.control(status.task)
    is_running = status.last is not None and status.last.outcome == "running"
    if task is None or control.cancelled or is_running or status.phase in {"landed", "reverted"}:
        return status
    is_restart = control.restart is not None and control.restart != status.restart
    entry = draft.entries.get(status.entry) if status.entry else None
    is_open = entry is not None and entry.state in WAITING
    is_asleep = status.phase in {"failed", "needs-human"} and status.last is not None and not is_open
    is_edited = is_asleep and status.last is not None and status.last.generation != task.generation
    if not (is_restart or is_edited or status.phase == "cancelled"):
        return status
    if entry is not None and entry.state in {"landing", "landed"}:
        return status
    if entry is not None and is_open:
        withdrawal.drop_entry(situation, draft, entry, withdrawal.BEGUN_AGAIN)
    return replace(
        withdrawal.give_up_last(draft, status),
        phase="waiting",
        reason="",
        entry=None,
        finished=None,
        landed_commit=None,
        window=len(status.attempts) + 1,
        paid_from=len(status.attempts) + 1,
        restart=control.restart,
        taken_from=(),
        generation=task.generation,
    )


def _withdraw(situation: Situation, draft: Draft, task: Task | None, status: TaskStatus) -> TaskStatus:
    """Return the status of a task that nobody wants any more; its work is kept."""
    if task is None and status.task in situation.desired.held:
        text = "its file is broken; the last good intent stays in force"
        return draft.because(status, reason("valid intent", text, status.waiting_for))
    entry = draft.entries.get(status.entry) if status.entry else None
    if entry is not None and entry.state == "landed":
        return landed(situation, draft, status, entry)
    if entry is not None and entry.state == "landing":
        text = "it was already landing when it was withdrawn"
        return draft.because(status, reason("in line", text, status.waiting_for), "queued")
    if entry is not None and entry.state not in {"rejected", "dropped"}:
        withdrawal.drop_entry(situation, draft, entry, withdrawal.WITHDRAWN)
    why = "cancelled by a person" if situation.control(status.task).cancelled else "removed from intent"
    status = withdrawal.give_up_last(draft, status)
    return replace(status, phase="cancelled", reason=why, waiting_for=(), finished=situation.now)


def _next(situation: Situation, draft: Draft, task: Task, status: TaskStatus) -> TaskStatus:
    last = status.last
    if last is None or last.number < status.window:
        return _ready(status, "waiting")
    match last.outcome:
        case "submitted":
            return _submitted(situation, draft, task, status)
        case "no-change":
            return _unchanged(situation, draft, task, status)
        case "reported":
            cv.count_completion(draft, situation, last, task)
            return replace(
                status, phase="reported", reason="it delivered its report", waiting_for=(), finished=situation.now
            )
        case "landed" | "unchanged":
            return status
        case _:
            return revival.revive(situation, draft, task, status) or _again(situation, draft, task, status)


def _ready(status: TaskStatus, phase: str) -> TaskStatus:
    return replace(status, phase="rework" if phase == "rework" else "waiting", reason="", waiting_for=())


def _again(situation: Situation, draft: Draft, task: Task, status: TaskStatus) -> TaskStatus:
    """Return the status of a task whose last attempt came to nothing: one more, or the end of its budget."""
    last = status.attempts[-1]
    counted = status.counted
    bound = BOUNDS.get(last.outcome)
    if bound is not None and sum(a.outcome == last.outcome for a in counted) >= bound:
        text = f"{bound} attempts ended the same way ({last.outcome}); the last: {last.reason}"
        return draft.because(status, reason("same ending", text, task=task.id), "needs-human")
    charged = used_up(a.outcome for a in counted)
    if charged >= situation.attempts_max(task):
        text = f"all {charged} attempts are used up; the last: {last.reason}"
        return draft.because(status, reason("attempts", text, task=task.id), "failed")
    if last.outcome == "refused" and not governor.is_trusted_again(situation, last):
        return draft.because(status, reason("refused", last.reason), "needs-human")
    if last.outcome == "conflict" and "reimagine" not in situation.swarm.merge.tiers:
        text = f"{last.reason}; merge.tiers does not let the task be made again on the new target"
        return draft.because(status, reason("no tier left", text, task=task.id), "needs-human")
    return _ready(status, "rework" if last.rejection is not None else "waiting")


# --- verification ---------------------------------------------------------------------------------------------------


def _submitted(situation: Situation, draft: Draft, task: Task, status: TaskStatus) -> TaskStatus:
    entry = draft.entries.get(status.entry) if status.entry else None
    if entry is not None:
        return _follow_entry(situation, draft, task, status, entry)
    last = status.attempts[-1]
    if gone := situation.lacks(last.head, last.base):
        return _again(situation, draft, task, attempts.with_last(status, attempts.lose(draft, task.id, last, gone)))
    match verify.submitted(situation, draft, task, last):
        case verify.Passed(attempt):
            return _enqueue(situation, draft, task, attempts.with_last(status, attempt))
        case verify.Refused(attempt):
            return _again(situation, draft, task, attempts.with_last(status, attempt))
        case Reason(kind="red target") as why:
            return draft.because(status, why, "needs-human")
        case Reason() as why:
            return draft.because(status, why, "verifying")


def _unchanged(situation: Situation, draft: Draft, task: Task, status: TaskStatus) -> TaskStatus:
    last = status.attempts[-1]
    if gone := situation.lacks(last.head, last.base):
        return _again(situation, draft, task, attempts.with_last(status, attempts.lose(draft, task.id, last, gone)))
    match verify.unchanged(situation, draft, task, last):
        case verify.Passed(attempt):
            cv.count_completion(draft, situation, attempt, task)
            return replace(
                attempts.with_last(status, attempt),
                phase="unchanged",
                reason=f"no change was needed: {last.reason}",
                waiting_for=(),
                finished=situation.now,
            )
        case verify.Refused(attempt):
            return _again(situation, draft, task, attempts.with_last(status, attempt))
        case Reason() as why:
            return draft.because(status, why, "verifying")


# --- the queue, from the task's side ---------------------------------------------------------------------------------


def _enqueue(situation: Situation, draft: Draft, task: Task, status: TaskStatus) -> TaskStatus:
    last = status.attempts[-1]
    assert last.head is not None
    tier = "reimagine" if any(a.outcome == "conflict" for a in status.counted) else "clean"
    entry = Entry(
        id=EntryId(ulid(situation.now, f"{task.id}/{last.session}")),
        task=task.id,
        session=last.session,
        agent=last.agent,
        attempt=last.number,
        head=last.head,
        base=last.base,
        enqueued=situation.now,
        priority=task.priority,
        model=last.model or last.runtime,
        tier=tier,
        run=status.run,
        guarded=last.guarded,
        events=(Queued(at=situation.now, head=last.head, base=last.base, tier=tier),),
    )
    draft.entries[entry.id] = entry
    draft.add(Save(entry))
    return draft.because(replace(status, entry=entry.id), reason("in line", IN_LINE), "queued")


def _follow_entry(situation: Situation, draft: Draft, task: Task, status: TaskStatus, entry: Entry) -> TaskStatus:
    match entry.state:
        case "landed":
            return landed(situation, draft, status, entry)
        case "rejected":
            return _rejected(situation, draft, task, status, draft.refused.get(entry.id))
        case "dropped" if gone := situation.lacks(entry.head, entry.base):
            lost = attempts.lose(draft, task.id, status.attempts[-1], gone)
            return _again(situation, draft, task, attempts.with_last(replace(status, entry=None), lost))
        case "dropped":
            return _again(situation, draft, task, withdrawal.give_up_last(draft, replace(status, entry=None)))
        case _:
            if entry.id in draft.unreviewed:
                return draft.because(status, draft.unreviewed[entry.id], "needs-human")
            stuck = draft.stuck.get(entry.id)
            why = replace(stuck, waits_for=(stuck.text,)) if stuck else reason("in line", IN_LINE)
            return draft.because(status, why, "queued")


def landed(situation: Situation, draft: Draft, status: TaskStatus, entry: Entry) -> TaskStatus:
    """Return the status of a task whose entry has landed, with its attribution and CV in the draft."""
    assert entry.landed_commit is not None
    last = replace(status.attempts[-1], outcome="landed")
    draft.add(*attribution.gate_lines(last, status.task, entry.evidence, "merge"))
    draft.add(*attribution.landing_lines(last, status.task, entry.landed_commit, situation.now))
    cv.count_completion(draft, situation, last, situation.desired.tasks.get(status.task))
    return replace(
        attempts.with_last(status, last),
        phase="landed",
        reason=f"landed as {entry.landed_commit[:10]}{_besides(last)}",
        waiting_for=(),
        landed_commit=entry.landed_commit,
        finished=situation.now,
    )


def _besides(attempt: Attempt) -> str:
    left = attempt.left_out
    return f"; left out: {rejections.named(left)}" if left is not None and left.items else ""


def _rejected(
    situation: Situation, draft: Draft, task: Task, status: TaskStatus, rejection: Rejection | None
) -> TaskStatus:
    last = status.attempts[-1]
    refused = rejection or rejections.by_conflict((), None)
    outcome: AttemptOutcome = "conflict" if refused.kind == "conflict" else "rejected"
    kept = last.kept_paths if outcome == "rejected" else ()
    settled = salvaged(draft, task.id, replace(last, outcome=outcome, reason=refused.summary, kept_paths=kept))
    if refused.kind == "conflict":
        refused = replace(refused, reference=settled.salvage)
    settled = replace(settled, rejection=refused)
    cv.count_rejection(draft, situation, settled, task)
    return _again(situation, draft, task, attempts.with_last(replace(status, entry=None), settled))
