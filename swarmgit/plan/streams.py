"""What is the matter with what a session printed: each is an incident of that session, and of nobody else."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.model.incidents import Alert, facts
from swarmgit.model.sessions import ProgramSession
from swarmgit.plan import budget
from swarmgit.plan.situation import Situation

MEBIBYTE = 1 << 20


def alerts(situation: Situation) -> Iterator[Alert]:
    """Yield what is the matter with the output of sessions."""
    for session in situation.observed.programs:
        yield from told(session)
        status = situation.observed.statuses.get(session.spec.task)
        beyond = budget.impossible(session, status.attempts if status is not None else ())
        if beyond:
            yield _beyond(session, beyond)


def told(session: ProgramSession) -> Iterator[Alert]:
    """Yield what people have to hear about a session's output; the same again is the same incident."""
    hearing, stream = session.hearing, session.stream
    if hearing.deaf:
        yield _alert(session, "unreadable", hearing.deaf)
    elif stream.misread:
        what = f"lines that its adapter could not bear, and counted as text: {stream.misread_as}"
        yield _alert(session, "misread", what)
    if hearing.was_rewritten:
        what = "what it had printed was not there any more, or was something else; what was heard of it counts"
        yield _alert(session, "rewritten", what)
    if hearing.passed_over and session.is_over:
        what = f"{hearing.passed_over / MEBIBYTE:.0f} MiB of what it printed were passed over; its end was read"
        yield _alert(session, "flood", what)


def _beyond(session: ProgramSession, reason: str) -> Alert:
    what = f"{reason}; so much counts as its model and its time allow"
    return _alert(session, "usage", what)


def _alert(session: ProgramSession, kind: str, reason: str) -> Alert:
    spec = session.spec
    known = facts(runtime=spec.runtime, who=spec.agent or spec.kind, reason=reason)
    return Alert(f"stream/{kind}", spec.agent, spec.task, spec.id, known)
