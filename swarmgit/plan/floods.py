"""A session that fills its outbox with more files than anybody reads: its own fault, for which nobody waits."""

from __future__ import annotations

from swarmgit.model.endings import Stop
from swarmgit.model.incidents import Alert, facts
from swarmgit.model.mail import Letter
from swarmgit.model.sessions import Session
from swarmgit.plan import mail
from swarmgit.plan.situation import Draft, Situation

WHAT = "it put more files into its outbox than are read"


def stop(situation: Situation, session: Session) -> Stop | None:
    """Return that a session has to end whose outbox is flooded."""
    return Stop(f"watchdog: {WHAT}", "watchdog") if _is_flooded(situation, session) else None


def report(situation: Situation, draft: Draft) -> None:
    """Say once for each session that nothing of its outbox was taken in: to people, and to its agent."""
    for session in situation.observed.sessions.values():
        spec = session.spec
        if not _is_flooded(situation, session) or spec.agent is None:
            continue
        flood = Alert("mail/flood", spec.agent, spec.task, spec.id, facts(reason=WHAT))
        draft.alerts.append(flood)
        body = f"In session {spec.id} {WHAT}, so none was taken in. Write few letters, and only what others need.\n"
        letter = Letter((spec.agent,), "your outbox was flooded, and nothing of it was read", body, task=spec.task)
        mail.from_swarmgit(situation, draft, letter, f"flood/{spec.id}")


def _is_flooded(situation: Situation, session: Session) -> bool:
    outbox = situation.observed.outboxes.get(session.spec.id)
    return outbox is not None and outbox.is_flooded
