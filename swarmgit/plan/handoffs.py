"""Handoffs: a session whose window is nearly full writes down where the work stands and ends; another one goes on.

The order is: ask, end, take the work in, start the successor with it, hear from it, let go of the predecessor
(docs/adr/0014). Which step it is follows from what is there: the question is a recorded message, the summary and the
acknowledgement are files in outboxes, the handoff itself stands in the attempt that gave it.
"""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from swarmgit.documents.answers import SUMMARY
from swarmgit.model.desired import Task
from swarmgit.model.endings import Stop
from swarmgit.model.handoffs import Handoff, Summary
from swarmgit.model.mail import SUBJECT_CHARS_MAX, Letter, Mail, origin_of
from swarmgit.model.sessions import AgentSession
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.plan import attribution, blocked, letters, mail
from swarmgit.plan.briefing import summary_text
from swarmgit.plan.situation import Draft, Situation, session_ended
from swarmgit.plan.times import is_ahead

FULL = "conversation too long"
ITEMS_MAX = 20
WORDS_CHARS_MAX = 300


def due(situation: Situation, draft: Draft, task: Task, session: AgentSession) -> Stop | None:
    """Return that a session at work has to end for its successor, None while it may go on; first it is asked."""
    said, config = session.stream, situation.swarm.handoff
    used, window = said.context_used, said.context_window
    if used is None or not window or used < config.at * window:
        return None
    if not may_hand_over(situation, task) or blocked.by(situation, task) or session.limited_until:
        return None
    why = f"{used} of {window} tokens of its context window are used"
    return Stop(f"handoff: {why}", "handoff") if is_ready(situation, draft, session, why) else None


def may_hand_over(situation: Situation, task: Task) -> bool:
    """Return whether the task was not handed over as often as it may be since it was last begun afresh."""
    status = situation.observed.statuses.get(task.id)
    done = sum(a.outcome == "handed-over" for a in status.counted) if status else 0
    return done < situation.swarm.handoff.max


def is_ready(situation: Situation, draft: Draft, session: AgentSession, why: str) -> bool:
    """Return whether a session may end: it has written its summary, it cannot be asked, or it has had its time.

    Where it can be asked it is, once.
    """
    if (session.summary is not None and session.summary.remaining) or not session.stream.takes_messages:
        return True
    asked = _question(situation, session)
    if asked is None:
        _ask(situation, draft, session, why)
        return False
    limit = asked.created + timedelta(minutes=situation.swarm.handoff.answer_minutes)
    draft.wake_at(limit, situation.now)
    return situation.now >= limit or is_ahead(asked.created, situation.now)


def _key(session: AgentSession) -> str:
    return f"handoff/{session.spec.id}"


def _question(situation: Situation, session: AgentSession) -> Mail | None:
    agent = session.spec.agent
    return letters.find(situation, agent, origin_of(f"swarmgit/{_key(session)}/{agent}"))


def _ask(situation: Situation, draft: Draft, session: AgentSession, why: str) -> None:
    body = (
        f"{why[:1].upper()}{why[1:]}. Another session goes on with the task. It sees the task and what you write down "
        "now, nothing else that you know; what you changed in the worktree is kept for it. Begin nothing new: bring "
        "the files into a state that makes sense, then write this JSON, filled in, into the file handoff in your "
        f"outbox folder ($SWARM_OUTBOX/handoff), and end.\n\n    {SUMMARY}\n\n"
        "If nothing is left to do, leave remaining empty and finish the task as usual.\n"
    )
    subject = f"Hand over: {why}"[:SUBJECT_CHARS_MAX]
    letter = Letter((session.spec.agent,), subject, body, "handoff", "urgent", task=session.spec.task)
    mail.from_swarmgit(situation, draft, letter, _key(session))


# --- the session has ended --------------------------------------------------------------------------------------------


def given(situation: Situation, task: Task, session: AgentSession) -> str | None:
    """Return why the work of a session that is over goes on in a successor; None where it ended in another way."""
    if session.stop is not None:
        return session.stop.text if session.stop.is_handoff else None
    if not may_hand_over(situation, task):
        return None
    if session.stream.fault is not None and session.stream.fault.kind == "context":
        return f"handoff: {FULL}: {session.stream.fault.message}"
    is_unfinished = session.summary is not None and bool(session.summary.remaining)
    if is_unfinished and _question(situation, session) is not None:
        return "handoff: it wrote down where the work stands, as it was asked, and ended"
    return None


def hand_over(situation: Situation, draft: Draft, attempt: Attempt, session: AgentSession) -> Attempt:
    """Return the attempt with what its successor is told; kept as a message too."""
    at, own = session_ended(session, situation.now), session.summary
    made = Handoff(at, attempt.reason, own or built(attempt, session), "session" if own else "swarmgit")
    summary, by = made.summary, made.by
    task = session.spec.task
    if task is not None:
        subject = f"Where {task} stands: {summary.state}"[:SUBJECT_CHARS_MAX]
        letter = Letter((attempt.agent,), subject, summary_text(summary), "handoff", task=task)
        mail.from_swarmgit(situation, draft, letter, f"{_key(session)}/summary", is_read=True)
        draft.add(*attribution.more_lines(attempt, task, made.at, "handoff", reason=attempt.reason, summary_by=by))
    return replace(attempt, handoff=made)


def withdraw(situation: Situation, draft: Draft, session: AgentSession) -> None:
    """Let the question of a session that is over count as read: nobody else has to answer it."""
    asked = _question(situation, session)
    if asked is not None and asked.read_at is None:
        draft.mail[asked.id] = replace(asked, read_at=situation.now)


def built(attempt: Attempt, session: AgentSession) -> Summary:
    """Return the summary that nobody wrote: from the difference, the agent's commit, and what it said it did."""
    words = {"A": "added", "D": "deleted"}
    changes = session.capture.changes if session.capture else ()
    done = [f"{words.get(change.status, 'changed')} {change.path}" for change in changes[:ITEMS_MAX]]
    if len(changes) > ITEMS_MAX:
        done.append(f"and {len(changes) - ITEMS_MAX} more files")
    if session.capture and session.capture.subject:
        done.insert(0, f"its last commit says: {session.capture.subject[:WORDS_CHARS_MAX]}")
    read = dict.fromkeys(action.file for action in session.stream.actions if action.action == "read")
    said = [line.strip() for line in session.stream.text_tail.splitlines() if line.strip()]
    state = f"{attempt.agent} was at work for {_minutes(attempt)} and did not finish; it wrote no summary"
    surprises = [f"it had read {', '.join([*read][:ITEMS_MAX])}"] if read else []
    surprises += [f"the last it said: {line[:WORDS_CHARS_MAX]}" for line in said[-3:]]
    remaining = ("what the task asks for beyond that: compare the files with the task",)
    return Summary(state, tuple(done) or ("nothing that shows in the files",), remaining, tuple(surprises))


def _minutes(attempt: Attempt) -> str:
    seconds = attempt.seconds or 0.0
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


# --- the successor ----------------------------------------------------------------------------------------------------


def follow(situation: Situation, draft: Draft, status: TaskStatus, session: AgentSession) -> TaskStatus:
    """Return the status after listening for a successor's acknowledgement; without one it goes on all the same."""
    giver = next((a for a in reversed(status.attempts) if a.handoff and a.session != session.spec.id), None)
    if giver is None or giver.handoff is None or not giver.handoff.is_pending or giver.number >= session.spec.attempt:
        return status
    now, said = situation.now, session.acceptance
    known = replace(giver.handoff, successor=session.spec.id)
    limit = session.spec.started + timedelta(minutes=situation.swarm.handoff.accept_minutes)
    if said is not None:
        words = f"{said.state} Next: {said.next}" if said.next else said.state
        known = replace(known, accepted=now, acceptance=words)
    elif session.is_over and not _is_pause(session):
        known = replace(known, unanswered="its successor ended without a word about where the work stands")
    elif not session.is_over and not session.limited_until and (now >= limit or is_ahead(session.spec.started, now)):
        minutes = situation.swarm.handoff.accept_minutes
        known = replace(
            known, unanswered=f"its successor said nothing about where the work stands for {minutes:g} minutes"
        )
    elif not session.is_over:
        draft.wake_at(limit, now)
    if not known.is_pending:
        kind = "handoff_accepted" if known.accepted else "handoff_unanswered"
        facts = {"successor": session.spec.id, "said": known.acceptance or known.unanswered}
        draft.add(*attribution.more_lines(giver, status.task, now, kind, **facts))
    answered = replace(giver, handoff=known)
    return replace(status, attempts=tuple(answered if a is giver else a for a in status.attempts))


def _is_pause(session: AgentSession) -> bool:
    fault = session.stream.fault
    return fault is not None and fault.kind in {"rate-limit", "transient"}


def is_held(attempt: Attempt) -> bool:
    """Return whether a session that has ended is kept as it was, because its successor has not said a word yet."""
    return attempt.handoff is not None and attempt.handoff.is_pending
