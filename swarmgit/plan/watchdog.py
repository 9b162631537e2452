"""The watchdog: how each session does, what is the matter where it does not do well, and what is done about it.

Tier 1 reads what was measured. Tier 2 (`plan/triage.py`) is asked only on tier 1's word. Tier 3 is an incident, with a
message to people. Before anything is stopped the task has been found open (`plan/attempts.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from swarmgit.model.desired import Swarm, Task, WatchdogLimits
from swarmgit.model.endings import BY_WATCHDOG, Stop
from swarmgit.model.health import Condition, Triage
from swarmgit.model.incidents import Alert, facts
from swarmgit.model.mail import Letter, Mail, origin_of
from swarmgit.model.sessions import AgentSession, MergeSession, ProgramSession, of_kind
from swarmgit.plan import handoffs, letters, mail, triage
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.times import is_over

NUDGES_MAX = 2
BUSY_SHARE = 0.05
"""Of one processor: a session that is silent but uses so much is at work."""

LOOP_SILENCE = timedelta(seconds=10)
"""A loop that has said nothing for so long has come to its end."""

LOOP_LINES_PER_S = 2.0
"""Slower than that, the same line again and again is a sign of life (`still waiting …`), not a loop."""

STOP_PATIENCE = timedelta(seconds=10)
ZOMBIE_FACTOR = 2
IDLE_SHARE = 3
TAIL_CHARS = 400

PROMPT = re.compile(
    r"(\[y(es)?/n(o)?\]|\(y(es)?/n(o)?(/\[?\w+\]?)?\)|password( for .{1,80})?:|passphrase.{0,80}:"
    r"|press (enter|return|any key)[^.]{0,40})\W*$",
    re.IGNORECASE,
)


def limits_of(swarm: Swarm, task: Task | None) -> WatchdogLimits:
    """Return the thresholds for a task: those of its type, else of its tier, else the swarm's."""
    config = swarm.watchdog
    tier = swarm.routing.get(task.type, "") if task else ""
    by_type = config.types.get(task.type) if task else None
    return by_type or config.tiers.get(tier) or config.limits


def condition(session: ProgramSession, limits: WatchdogLimits, now: datetime) -> Condition:
    """Return how a session does (tier 1)."""
    if session.is_over or session.state == "ending":
        return Condition("done")
    if session.stop_at is not None:
        is_deaf = is_over(session.stop_at, STOP_PATIENCE, now)
        return Condition("zombie", "it was asked to end and does not") if is_deaf else Condition("working", "is ending")
    until = session.limited_until
    if until is not None and until > now:
        return Condition("rate-limited", f"its provider asks it to wait until {until:%Y-%m-%d %H:%M:%S} UTC")
    silence = now - max(session.heard, until or session.heard)
    if silence < LOOP_SILENCE and _is_repeating(session, limits):
        said = f"it has printed the same for {session.repetition.lines} lines, and goes on"
        return Condition("stalled", said, is_repeating=True)
    return _silent(session, limits, silence)


def _silent(session: ProgramSession, limits: WatchdogLimits, silence: timedelta) -> Condition:
    limit = timedelta(minutes=limits.silence_minutes)
    is_busy = session.vitals is not None and session.vitals.cpu_share >= BUSY_SHARE
    words = f"it has said nothing for {_span(silence)}"
    if is_busy:
        return Condition("working", f"{words}, but computes" if silence >= limit else "")
    question = next(filter(PROMPT.search, _last_lines(session)), None)
    if silence >= timedelta(minutes=limits.prompt_minutes) and question is not None:
        return Condition("prompt-blocked", f"it waits for an answer to {question.strip()[-120:]!r}")
    if silence >= limit * ZOMBIE_FACTOR:
        return Condition("zombie", f"{words} and uses no processor")
    if silence >= limit:
        return Condition("stalled", f"{words} and uses no processor")
    return Condition("idle", words) if silence >= limit / IDLE_SHARE else Condition("working")


def _last_lines(session: ProgramSession) -> list[str]:
    """Return the last line of where it printed last."""
    voices = {"stdout": session.stream.text_tail, "stderr": session.stderr_tail}
    tails = [voices[voice][-TAIL_CHARS:] for voice in session.spoke or ("stdout",)]
    return [(tail.rstrip().splitlines() or [""])[-1] for tail in tails]


def _is_repeating(session: ProgramSession, limits: WatchdogLimits) -> bool:
    said = session.repetition
    if said.lines < limits.repeat_lines or said.since is None or session.last_output is None:
        return False
    seconds = (session.last_output - said.since).total_seconds()
    return seconds >= limits.repeat_minutes * 60 and said.lines / max(seconds, 1.0) >= LOOP_LINES_PER_S


def overrun(session: ProgramSession, limits: WatchdogLimits) -> tuple[str, str] | None:
    """Return what a session uses more of than it may (memory, disk or cpu) and a sentence; None where nothing."""
    vitals = session.vitals
    if vitals is None:
        return None
    if limits.memory_mb is not None and vitals.memory_mb > limits.memory_mb:
        return "memory", f"it uses {vitals.memory_mb:g} MB of memory, more than {limits.memory_mb:g}"
    if limits.disk_mb is not None and vitals.disk_mb is not None and vitals.disk_mb > limits.disk_mb:
        return "disk", f"its worktree takes {vitals.disk_mb:g} MB, more than {limits.disk_mb:g}"
    if limits.disk_mb is not None and vitals.uncounted:
        return "disk", f"its worktree {vitals.uncounted}: more than can be held against {limits.disk_mb:g} MB"
    if limits.cpu_minutes is not None and vitals.cpu_s > limits.cpu_minutes * 60:
        minutes = vitals.cpu_s / 60
        return "cpu", f"it has used {minutes:.1f} minutes of processor time, more than {limits.cpu_minutes:g}"
    return None


def watch(situation: Situation, draft: Draft, task: Task, session: AgentSession) -> Stop | None:
    """Return that a session has to be stopped, None where it may go on; a nudge or an incident goes into the draft."""
    limits = limits_of(situation.swarm, task)
    if not limits.is_on or not session.is_settled(situation.now):
        return None
    too_much = overrun(session, limits)
    before = _killed_before(situation, task)
    if too_much:
        answer = Triage("working", too_much[1], "escalate" if before else "restart")
    else:
        seen = condition(session, limits, situation.now)
        nudge = _last_nudge(situation, session, seen)
        waited = nudge is not None and _waited(situation, session, nudge) >= timedelta(minutes=limits.patience_minutes)
        written = triage.heuristic(seen, is_nudged_out=waited, was_killed_before=before)
        answer = triage.judged(situation, draft, task, session, limits, written)
        if before and answer.remedy in triage.STOPPING:
            answer = replace(answer, remedy="escalate")
        if answer.remedy == "nudge":
            _nudge(situation, draft, session, seen, nudge)
    if answer.remedy in {"wait", "nudge"}:
        return None
    hands_over = answer.remedy == "handoff" and handoffs.may_hand_over(situation, task)
    if hands_over and not handoffs.is_ready(situation, draft, session, answer.reason):
        return None
    if too_much:
        draft.alerts.append(_too_much(task, session, answer, too_much[0]))
    else:
        draft.alerts.append(_stuck(task, session, answer))
    if hands_over:
        return Stop(f"watchdog: handoff: {answer.reason}", "watchdog-handoff")
    return Stop(f"watchdog: {answer.reason}", "watchdog")


def watch_merger(situation: Situation, draft: Draft, task: Task, session: MergeSession) -> Stop | None:
    """Return that a session over a conflict has to be stopped, None where it may go on; reported as an incident.

    Nobody nudges it or asks about it: its conflict goes to the next try or tier.
    """
    limits = limits_of(situation.swarm, task)
    if not limits.is_on or not session.is_settled(situation.now):
        return None
    too_much = overrun(session, limits)
    seen = condition(session, limits, situation.now)
    answer = triage.heuristic(seen, is_nudged_out=True, was_killed_before=False)
    if too_much:
        said = _too_much(task, session, replace(answer, reason=too_much[1]), too_much[0])
    elif answer.remedy == "wait":
        return None
    else:
        said = _stuck(task, session, answer)
    draft.alerts.append(replace(said, kind=f"{said.kind}/merge"))
    return Stop(f"watchdog: {too_much[1] if too_much else answer.reason}", "watchdog")


def _waited(situation: Situation, session: AgentSession, nudge: Mail) -> timedelta:
    """Return how long a session had to react to a nudge; from the last gap on, where there was one since."""
    since = session.vigil.since if session.vigil is not None else None
    return situation.now - max(nudge.created, since or nudge.created)


def _killed_before(situation: Situation, task: Task) -> bool:
    """Return whether the watchdog ended an attempt of the task already, since it was last begun afresh."""
    status = situation.observed.statuses.get(task.id)
    return status is not None and any(a.cause in BY_WATCHDOG for a in status.counted)


def _nudge_key(session: AgentSession, number: int) -> str:
    return f"watchdog/nudge/{session.spec.id}/{number}"


def _last_nudge(situation: Situation, session: AgentSession, seen: Condition) -> Mail | None:
    """Return the last nudge that the session had since it said something new; None where it may get one (more)."""
    news = session.repetition.since if seen.is_repeating else None
    agent = session.spec.agent or ""
    sent = [
        letters.find(situation, agent, origin_of(f"swarmgit/{_nudge_key(session, number)}/{agent}"))
        for number in range(1, NUDGES_MAX + 1)
    ]
    found = [nudge for nudge in sent if nudge is not None]
    if not found or (len(found) < NUDGES_MAX and (news or session.heard) > found[-1].created):
        return None
    return found[-1]


def _nudge(situation: Situation, draft: Draft, session: AgentSession, seen: Condition, last: Mail | None) -> None:
    """Send one more nudge, unless the last one still waits for its effect."""
    if last is not None or session.spec.agent is None:
        return
    words = f"Nothing {'new ' if seen.is_repeating else ''}was heard from you: {seen.reason}."
    sign = "anything new" if seen.is_repeating else "a sign of life"
    body = f"{words} Print where you are, or end. Without {sign} the session is stopped; its work is kept.\n"
    letter = Letter((session.spec.agent,), words[:200], body, "status_update", "urgent", task=session.spec.task)
    agent = session.spec.agent
    for number in range(1, NUDGES_MAX + 1):
        key = _nudge_key(session, number)
        if letters.find(situation, agent, origin_of(f"swarmgit/{key}/{agent}")) is None:
            mail.from_swarmgit(situation, draft, letter, key)
            return


def _stuck(task: Task, session: ProgramSession, answer: Triage) -> Alert:
    kind = "watchdog/prompt-blocked" if answer.verdict == "prompt_blocked" else "watchdog/stuck"
    said = facts(
        verdict=answer.verdict,
        health=answer.verdict.replace("_", "-"),
        by=f" ({answer.by})" if answer.by else "",
        remedy=answer.remedy,
        tried="nudged, then stopped" if answer.verdict in {"stalled", "confused"} and not answer.by else "stopped",
    )
    is_plain = answer.verdict == "zombie" and not answer.by
    return replace(_stopped(kind, task, session, answer, said), detection="rule" if is_plain else None)


def _too_much(task: Task, session: ProgramSession, answer: Triage, resource: str) -> Alert:
    limit = {"memory": "memory_mb", "disk": "disk_mb", "cpu": "cpu_minutes"}[resource]
    kind = "watchdog/over-limit/disk" if resource == "disk" else "watchdog/over-limit"
    return _stopped(kind, task, session, answer, facts(resource=resource, limit=limit))


def _stopped(kind: str, task: Task, session: ProgramSession, answer: Triage, more: Mapping[str, str]) -> Alert:
    """Return the alert of a session that the watchdog stops, with what all of them tell."""
    spec, vitals = session.spec, session.vitals
    used = f"; {vitals.memory_mb:g} MB, {vitals.cpu_s:g} s of processor time" if vitals else ""
    said = facts(
        attempt=spec.attempt,
        runtime=spec.runtime,
        type=task.type,
        reason=f"{answer.reason}{used}",
        tail=" / ".join(session.stream.text_tail.strip().splitlines()[-3:])[-TAIL_CHARS:] or "none",
    )
    is_urgent = answer.remedy == "escalate"
    return Alert(kind, spec.agent, task.id, spec.id, {**said, **more}, is_urgent=is_urgent)


def patrol(situation: Situation, draft: Draft) -> None:
    """Report when sessions are at work and nothing has come of any for long."""
    limit = situation.swarm.watchdog.patrol_minutes
    running = [s for s in of_kind(situation.observed.sessions.values(), AgentSession) if not s.is_over]
    at_work = [session for session in running if not session.is_limited(situation.now)]
    since = min(map(_begun, at_work), default=situation.now)
    if limit is None or situation.now - since < timedelta(minutes=limit):
        return
    ended = [a.ended for status in draft.views.values() for a in status.attempts if a.ended is not None]
    finished = [s.finished for s in situation.observed.statuses.values() if s.finished is not None]
    newest = max([*ended, *finished, since])
    if situation.now - newest < timedelta(minutes=limit):
        return
    known = facts(
        newest=f"{newest:%Y-%m-%dT%H:%M:%S}",
        count=len(at_work),
        span=_span(situation.now - newest),
    )
    draft.alerts.append(Alert("watchdog/patrol", facts=known))


def _begun(session: AgentSession) -> datetime:
    """Return when a session would have begun if it had not been kept from working; a gap begins it anew."""
    begun = session.deadline - timedelta(minutes=session.spec.minutes_max)
    since = session.vigil.since if session.vigil is not None else None
    return max(begun, since or begun)


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"
