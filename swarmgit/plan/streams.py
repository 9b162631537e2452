"""What is the matter with what a session printed: each is an incident of that session, and of nobody else."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.model.incidents import Report
from swarmgit.model.sessions import ProgramSession
from swarmgit.plan import budget, incidents
from swarmgit.plan.situation import Draft, Situation

MEBIBYTE = 1 << 20


def report(situation: Situation, draft: Draft) -> None:
    """Report what is the matter with the output of sessions; one that was reported before is not counted again."""
    for session in situation.observed.programs:
        status = situation.observed.statuses.get(session.spec.task)
        beyond = budget.impossible(session, status.attempts if status is not None else ())
        for said in (*told(session), *((_beyond(session, beyond),) if beyond else ())):
            incidents.report(situation, draft, said)


def told(session: ProgramSession) -> Iterator[Report]:
    """Yield what people have to hear about a session's output; the same again is the same incident."""
    hearing, stream = session.hearing, session.stream
    if hearing.deaf:
        yield _report(session, "unreadable", "a session cannot be followed", hearing.deaf)
    elif stream.misread:
        what = f"lines that its adapter could not bear, and counted as text: {stream.misread_as}"
        yield _report(session, "misread", "an adapter failed on lines that a session printed", what)
    if hearing.was_rewritten:
        what = "what it had printed was not there any more, or was something else; what was heard of it counts"
        yield _report(session, "rewritten", "the output of a session was rewritten", what, is_urgent=True)
    if hearing.passed_over and session.is_over:
        what = f"{hearing.passed_over / MEBIBYTE:.0f} MiB of what it printed were passed over; its end was read"
        yield _report(session, "flood", "a session printed more than anybody reads", what)


def _beyond(session: ProgramSession, reason: str) -> Report:
    what = f"{reason}; so much counts as its model and its time allow"
    return _report(session, "usage", "a session says that it has used more than it can have", what)


def _report(session: ProgramSession, kind: str, title: str, what: str, *, is_urgent: bool = False) -> Report:
    spec = session.spec
    return Report(
        signature=f"stream/{kind}/{spec.runtime}",
        key=f"stream/{kind}/{spec.id}",
        title=title,
        what=f"{spec.agent or spec.kind}, {spec.task}: {what}",
        detection="session",
        agent=spec.agent,
        task=spec.task,
        session=spec.id,
        prevention=("infrastructure: does the runtime's adapter fit its program? swarmgit runtime check",),
        answers=(f"swarmgit logs {spec.id}", f"swarmgit why {spec.task}"),
        is_urgent=is_urgent,
    )
