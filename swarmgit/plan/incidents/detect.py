"""Which of the things that a tick sees are incidents: what ended badly, could not be judged, or could not land."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmgit.model.endings import BY_WATCHDOG
from swarmgit.model.ids import TaskId
from swarmgit.model.incidents import Alert, facts
from swarmgit.model.queue import Entry, Rejected
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.model.sessions import Session
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.work import TAMPERED, Evidence
from swarmgit.plan import budget, floods, streams
from swarmgit.plan.incidents import known_causes
from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.plan.situation import Draft, Situation

NUMBERS = re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\b|[0-9]+")
"""What differs from one session to the next in the same words."""


def report(situation: Situation, draft: Draft) -> None:
    """Report what went wrong in this tick, as far as it is seen from its results."""
    draft.alerts += _alerts(situation, draft)
    floods.report(situation, draft)
    if situation.observed.leaks:
        draft.add(ForgetLeaks(situation.observed.leaks))


def _alerts(situation: Situation, draft: Draft) -> Iterator[Alert]:
    observed = situation.observed
    yield from _attempts(situation, draft)
    yield from streams.alerts(situation)
    for leak in observed.leaks:  # each is noted until its incident is recorded
        yield Alert("secret", facts=facts(kind=leak.kind, place=leak.place))
    for session in observed.programs:
        if session.capture is not None and session.capture.tampered:
            yield _refs(session, session.capture.tampered)
    for run in situation.gate_sessions.values():
        if run.evidence is not None and run.evidence.outcome == "error":
            yield _gate(run.evidence, run.spec.task)
    for entry in draft.entries.values():
        before, rejected = observed.entries.get(entry.id), entry.last(Rejected)
        if entry.state == "rejected" and rejected and (before is None or before.state != "rejected"):
            yield _landing(entry, rejected)
    yield from _money(situation, draft)


def _money(situation: Situation, draft: Draft) -> Iterator[Alert]:
    limit = situation.swarm.budget.usd_per_day
    if limit is not None and budget.till(situation, draft).purse.is_empty:
        yield Alert("budget/day", facts=facts(limit=f"{limit:g}", day=f"{situation.now:%Y-%m-%d}"))
    for wallet in budget.empty_wallets(situation, draft):
        config = situation.desired.convoys[wallet.convoy].budget
        limits = f"{config.usd}/{config.tokens}"
        yield Alert("budget/convoy", facts=facts(convoy=wallet.convoy, limits=limits, spent=wallet.sentence()))


def _refs(session: Session, changed: tuple[str, ...]) -> Alert:
    """Return the alarm: branches, tags or a stash of the person's lost something while a session could reach them."""
    spec = session.spec
    lost = facts(sandbox=spec.sandbox, changed="; ".join(changed))
    return Alert("tamper/refs", spec.agent, spec.task, spec.id, lost)


def _attempts(situation: Situation, draft: Draft) -> Iterator[Alert]:
    for view in draft.views.values():
        stored = situation.observed.statuses.get(view.task)
        if not view.attempts or (stored is not None and view.attempts == stored.attempts):
            continue
        known = {attempt.number: attempt for attempt in stored.attempts} if stored else {}
        for attempt in view.attempts:
            if attempt != known.get(attempt.number):
                yield from _attempt(situation, view, attempt)


def _attempt(situation: Situation, view: TaskStatus, attempt: Attempt) -> Iterator[Alert]:
    session = situation.agent_session(attempt.session)
    cause = known_causes.of_attempt(attempt, session) if attempt.outcome in known_causes.ENDS else None
    gone = situation.lacks(attempt.head, attempt.base)
    if gone and attempt.outcome == "lost":
        yield of_attempt("objects/missing", view.task, attempt, reason=gone)
    elif cause is not None:
        yield of_attempt(cause, view.task, attempt)
    elif f"session/{attempt.outcome}" in CATALOGUE and attempt.cause not in BY_WATCHDOG:
        # what the watchdog stops has an incident of its own
        yield of_attempt(f"session/{attempt.outcome}", view.task, attempt)
    meddled = [told for told in session.capture.objections if TAMPERED in told] if session and session.capture else []
    if meddled:  # what the person's own git runs may not be theirs any more; the work was refused
        yield of_attempt("tamper/settings", view.task, attempt, changed="; ".join(meddled))
    if attempt.salvage is not None and attempt.outcome != "handed-over":  # its successor has it
        yield of_attempt("salvage", view.task, attempt)


def of_attempt(kind: str, task: TaskId, attempt: Attempt, **more: str) -> Alert:
    """Return an alert of a kind about an attempt. `kind` among its facts: its words without what varies."""
    known = facts(
        attempt=attempt.number,
        outcome=attempt.outcome,
        reason=attempt.reason,
        kind=NUMBERS.sub("#", attempt.reason),
        runtime=attempt.runtime,
        base=attempt.base[:12],
        ref=attempt.salvage,
    )
    return Alert(kind, attempt.agent, task, attempt.session, {**known, **more})


def _gate(evidence: Evidence, task: TaskId | None) -> Alert:
    kind = evidence.reason.partition(":")[0]
    error = facts(gate=evidence.gate, kind=kind, reason=evidence.reason, tree=evidence.tree[:12])
    return Alert("gate-error", None, task, evidence.session, error)


def _landing(entry: Entry, rejected: Rejected) -> Alert:
    what = rejected.gate or ", ".join(rejected.paths or ())
    refused = facts(
        entry=entry.id,
        kind=rejected.rejection,
        gate=rejected.gate or "",
        reason=rejected.reason,
        details=f" ({what[:300]})" if what else "",
    )
    return Alert("landing", entry.agent, entry.task, entry.session, refused)
