"""From a session to the outcome of an attempt: adopt it, follow it, stop it, take its work in, judge it."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.documents import paths, quoting
from swarmgit.model.actions import Action, FinishSession, Retire, Salvage, SaveFile
from swarmgit.model.desired import Task
from swarmgit.model.endings import KILLED, LIMITED, Cause, Stop
from swarmgit.model.ids import TaskId
from swarmgit.model.sessions import AgentSession
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.work import Capture
from swarmgit.plan import (
    attribution,
    books,
    budget,
    failures,
    floods,
    governor,
    handoffs,
    lost,
    rejections,
    scope,
    starts,
    stops,
    watchdog,
)
from swarmgit.plan.guarded import guarded_paths
from swarmgit.plan.situation import Draft, Situation, session_ended
from swarmgit.plan.supervise import supervise
from swarmgit.state import kinds

CUT_OFF = frozenset({0, 128 + 1, 128 + 2, 128 + 15})
"""Exit codes of a program that was asked to end: some end with 0 then, as if all were well."""
KEPT_PATHS_MAX = 500
REASON_CHARS_MAX = 4000
WASTE = frozenset({"rejected", "failed", "timeout", "lost", "cancelled", "error", "refused", "handed-over"} | LIMITED)


def adopt(situation: Situation, status: TaskStatus) -> TaskStatus:
    """Return the status with every live session of the task as an attempt: a session may outlive the record of it."""
    known = {attempt.session for attempt in status.attempts}
    found = sorted(
        (session for session in situation.by_task.get(status.task, ()) if session.spec.id not in known),
        key=lambda session: session.spec.attempt,
    )
    if not found:
        return status
    return replace(status, attempts=(*status.attempts, *(_attempt_of(session) for session in found)))


def _attempt_of(session: AgentSession) -> Attempt:
    spec = session.spec
    return Attempt(
        number=spec.attempt,
        session=spec.id,
        agent=spec.agent,
        runtime=spec.runtime,
        model=spec.model,
        base=spec.base,
        generation=spec.generation,
        started=spec.started,
        experiment=spec.experiment,
    )


def follow(situation: Situation, draft: Draft, task: Task | None, status: TaskStatus) -> TaskStatus:
    """Return the status after looking at the running attempt's session, with the actions it needs in the draft."""
    attempt = status.attempts[-1]
    session = situation.agent_session(attempt.session)
    if session is None:
        return lost.attempt(situation, draft, status)
    if session.state == "ending":
        draft.passing.add(status.task)
        return replace(
            status, phase="running", reason="the session has ended; its output is being read", waiting_for=()
        )
    status = handoffs.follow(situation, draft, status, session)
    if not session.is_over:
        return _keep_running(situation, draft, task, status, session)
    if not session.is_finished and status.task in draft.given_up:
        return failures.give_up(situation, draft, status, session)
    if not session.is_finished:
        draft.add(_finish(situation, task, status, session))
        draft.passing.add(status.task)
        return replace(
            status, phase="running", reason="the session has ended; its work is being taken in", waiting_for=()
        )
    attempt = replace(attempt, usage=books.own_usage(session, status.attempts))
    settled = _settle(situation, task, attempt, session, was_killed=_was_killed(status))
    draft.add(*attribution.session_lines(settled, status.task, session))
    if settled.outcome == "reported" and session.report is not None:
        draft.add(SaveFile(kinds.REPORTS.file(status.task), session.report))
    if _wants_salvage(settled, session.capture):
        settled = salvaged(draft, status.task, settled)
    handoffs.withdraw(situation, draft, session)
    if settled.outcome == "handed-over":  # it is let go of when its successor has said a word
        return with_last(status, handoffs.hand_over(situation, draft, settled, session))
    draft.add(Retire(attempt.session, status.task))
    return with_last(status, settled)


def _keep_running(
    situation: Situation, draft: Draft, task: Task | None, status: TaskStatus, session: AgentSession
) -> TaskStatus:
    def again() -> Action | None:
        return starts.start_session(situation, task, status, session.spec) if task is not None else None

    def watched() -> Stop | None:
        if task is None or session.state != "running":
            return None
        return handoffs.due(situation, draft, task, session) or watchdog.watch(situation, draft, task, session)

    stop = supervise(
        situation,
        draft,
        session,
        again,
        lambda: floods.stop(situation, session),
        lambda: budget.stop(situation, task, status, session),
        lambda: stops.unreadable(session),
        watched,
        unwanted=stops.unwanted(situation, task, status, session),
    )
    if stop is not None:
        return replace(status, phase="running", reason=f"being stopped: {stop.text}", waiting_for=())
    doing = "waits for its provider (rate-limited)" if session.is_limited(situation.now) else "is at work"
    return replace(status, phase="running", reason=f"{session.spec.agent} {doing}", waiting_for=())


def _finish(situation: Situation, task: Task | None, status: TaskStatus, session: AgentSession) -> FinishSession:
    is_stopped = session.stop is not None or session.excess is not None or session.is_unheard
    has_failed = session.state == "lost" or session.exit_code != 0 or is_stopped
    return FinishSession(
        spec=session.spec,
        title=task.title if task else status.title,
        gates=situation.desired.gates,
        worktree=situation.swarm.worktree,
        salvage=has_failed,
        without_base=bool(situation.lacks(session.spec.base)),
        scope=task.scope if task is not None and not task.is_read_only else None,
    )


def _was_killed(status: TaskStatus) -> bool:
    """Return whether a program of the same task was killed before: once may be the machine's doing."""
    *earlier, last = status.attempts
    return any(attempt.cause == "program-killed" and attempt.generation == last.generation for attempt in earlier)


def _settle(
    situation: Situation, task: Task | None, attempt: Attempt, session: AgentSession, *, was_killed: bool
) -> Attempt:
    """Return the attempt with its outcome. Nothing that the agent says counts but for where it says that it gave up."""
    capture = session.capture
    ended = session_ended(session, situation.now)
    taken = replace(
        attempt,
        ended=max(ended, attempt.started),
        head=capture.commit if capture else None,
        tree=capture.code_tree if capture else None,
        salvage=capture.salvage if capture else None,
        transcript=session.transcript,
        gate_inputs=capture.gate_inputs if capture else {},
        left_out=capture.left_out if capture else None,
        guarded=guarded_paths(capture.changes, situation.desired.policy, situation.observed.obeyed) if capture else (),
    )
    if gone := situation.lacks(session.spec.base, taken.head):
        return replace(taken, outcome="lost", reason=f"what it stands on cannot be had: {gone}")
    outcome, reason, rejection = _outcome(situation, task, session, was_killed=was_killed)
    told, refused = quoting.line(reason, REASON_CHARS_MAX), rejection and rejections.in_lines(rejection)
    cause, conversation = _cause(session, outcome), _conversation(session)
    settled = replace(taken, outcome=outcome, reason=told, cause=cause, rejection=refused, conversation=conversation)
    if outcome in {"rate-limited", "refused"}:
        settled = replace(settled, speaks_for=session.stream.speaks_for)
    settled = replace(settled, retry_at=governor.retry_at(situation, settled, session.stream.fault))
    if task is not None and capture is not None and outcome in starts.CARRIED | {"submitted"}:
        return replace(settled, kept_paths=keepable(capture, task))
    return settled


def _conversation(session: AgentSession) -> str | None:
    """Return what a later session goes on with; None where that would lead nowhere."""
    fault = session.stream.fault
    return None if fault and fault.kind in {"context", "conversation"} else session.stream.conversation


def _outcome(  # noqa: PLR0911  in order
    situation: Situation, task: Task | None, session: AgentSession, *, was_killed: bool
) -> governor.Answer:
    handed_over = handoffs.given(situation, task, session) if task is not None else None
    if handed_over is not None:
        return "handed-over", handed_over, None
    if session.stop is not None or session.excess is not None or session.is_unheard or task is None:
        return stops.outcome(session)
    killed = _killed(session, was_killed=was_killed)
    if killed:
        return "lost", killed, None
    if session.error or session.exit_code is None:
        return "error", session.error or "it never ran", None
    if session.stream.fault is not None:
        return governor.outcome_of(session.stream.fault, session)
    if session.stream.is_complete is False and session.exit_code in CUT_OFF:
        return "lost", "it ended before it had said its last word", None
    if session.exit_code != 0 and session.spec.resume and session.stream.conversation is None:
        return "transient", "its conversation could not be gone on with; it starts a new one", None
    if session.exit_code != 0:
        rejection = rejections.by_exit(session)
        return "failed", rejection.summary, rejection
    if session.capture is None:
        return "error", "its worktree was gone before its work could be taken in", None
    return _judge(situation, task, session, session.capture)


def _killed(session: AgentSession, *, was_killed: bool) -> str:
    """Return in words that somebody else ended the session, '' where nobody did or that is no excuse any more."""
    if session.state == "lost":
        return session.error or "its processes were killed from outside"
    is_killed = session.exit_code == KILLED and not session.error and not was_killed
    return "its program was killed from outside, or killed itself" if is_killed else ""


def _cause(session: AgentSession, outcome: str) -> Cause:
    """Return why a session ended. A program that ends killed once more is no accident: it has failed."""
    if session.stop is not None:
        return session.stop.kind
    is_lost = session.state == "lost" or session.is_unheard
    return "program-killed" if outcome == "lost" and session.exit_code == KILLED and not is_lost else ""


def _judge(situation: Situation, task: Task, session: AgentSession, capture: Capture) -> governor.Answer:
    refused = scope.judge(capture, task, situation.desired.policy, situation.observed.obeyed)
    if refused:
        return "rejected", "; ".join(r.summary for r in refused), rejections.merged(refused)
    if task.is_read_only:
        if session.report is None:
            rejection = rejections.by_missing_report()
            return "rejected", rejection.summary, rejection
        return "reported", "it delivered its report", None
    if capture.changes:
        return "submitted", "", None
    if task.allow_no_change and session.stream.no_change:
        return "no-change", session.stream.no_change, None
    rejection = rejections.by_no_change(capture.left_out, allowed=task.allow_no_change)
    return "rejected", rejection.summary, rejection


def keepable(capture: Capture, task: Task) -> tuple[str, ...]:
    kept = scope.owned_paths(capture.changes, task.scope)
    return kept if len(kept) <= KEPT_PATHS_MAX else ()


def salvaged(draft: Draft, task: TaskId, attempt: Attempt) -> Attempt:
    """Return the attempt with its work pinned; as it is, where there is none, or a person goes on without that."""
    lack = draft.missing.get(attempt.head) if attempt.head is not None else None
    is_gone = lack is not None and lack.kind == "absent"
    if attempt.head is None or attempt.salvage is not None or is_gone or task in draft.given_up:
        return attempt
    is_conflict = attempt.outcome == "conflict"
    ref = (paths.abandoned_ref if is_conflict else paths.salvage_ref)(task, attempt.session)
    draft.add(Salvage(task, attempt.session, attempt.head, ref))
    return replace(attempt, salvage=ref)


def lose(draft: Draft, task: TaskId, attempt: Attempt, gone: str) -> Attempt:
    """Return submitted work as lost, because a commit that it stands on cannot be had; what is left of it is kept."""
    lost = replace(attempt, outcome="lost", reason=f"what it stands on cannot be had: {gone}", kept_paths=())
    return salvaged(draft, task, lost)


def _wants_salvage(attempt: Attempt, capture: Capture | None) -> bool:
    is_waste = attempt.outcome in WASTE
    return is_waste and attempt.salvage is None and capture is not None and bool(capture.changes)


def with_last(status: TaskStatus, attempt: Attempt) -> TaskStatus:
    return replace(status, attempts=(*status.attempts[:-1], attempt))
