"""Which of the things that a tick sees are incidents: what ended badly, could not be judged, or could not land."""

from __future__ import annotations

import re

from swarmgit.model.endings import BY_WATCHDOG
from swarmgit.model.ids import AgentName
from swarmgit.model.incidents import Report
from swarmgit.model.mail import Mail
from swarmgit.model.queue import Entry
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.model.sessions import GateSession, Session
from swarmgit.model.status import Attempt, TaskStatus
from swarmgit.model.work import TAMPERED
from swarmgit.plan import budget, causes, floods, incidents, losses, mail, streams
from swarmgit.plan.situation import Draft, Situation

NUMBERS = re.compile(r"\b[0-9a-hjkmnp-tv-z]{26}\b|[0-9]+")
"""What differs from one session to the next in the same words."""

ENDED_BADLY = {
    "timeout": ("a session was stopped at its time limit", "watchdog threshold: is the limit right for this task?"),
    "lost": ("a session's processes were killed from outside", "infrastructure: what killed it?"),
    "over-budget": ("a session was stopped by its budget", "specification: is the task too large for its budget?"),
    "output-limit": (
        "a session printed more than it may",
        "specification: does its program log too much? infrastructure: limits.output_mb in .swarm/policy.yaml",
    ),
    "disk-limit": (
        "a session has written more than policy allows",
        "specification: does the task say what it may write? infrastructure: limits.disk_gb in .swarm/policy.yaml",
    ),
    "refused": ("a provider refused a session", "infrastructure: is the key there and valid? swarmgit runtime list"),
    "error": ("a session could not work", "infrastructure: can the runtime start here? swarmgit doctor"),
}


def report(situation: Situation, draft: Draft) -> None:
    """Report every mishap of this tick; one that was reported before is not counted again."""
    _attempts(situation, draft)
    streams.report(situation, draft)
    floods.report(situation, draft)
    _leaks(situation, draft)
    for session in situation.observed.programs:
        if session.capture is not None and session.capture.tampered:
            _refs(situation, draft, session, session.capture.tampered)
    for run in situation.gate_sessions.values():
        if run.evidence is not None and run.evidence.outcome == "error":
            _gate(situation, draft, run)
    for letter in tuple(draft.mail.values()):
        if letter.refused.startswith(mail.FORGED):
            _forgery(situation, draft, letter)
    for entry in draft.entries.values():
        before = situation.observed.entries.get(entry.id)
        if entry.state == "rejected" and (before is None or before.state != "rejected"):
            _landing(situation, draft, entry)
    if situation.swarm.budget.usd_per_day is not None and budget.till(situation, draft).purse.is_empty:
        _no_money(situation, draft)
    _convoys_without_money(situation, draft)


def _no_money(situation: Situation, draft: Draft) -> None:
    limit = situation.swarm.budget.usd_per_day
    said = Report(
        signature="budget/day",
        key=f"budget/{situation.now:%Y-%m-%d}",
        title="the day's budget is spent: no new work starts",
        what=f"All of the {limit:g} USD of {situation.now:%Y-%m-%d} (UTC) is spent.",
        detection="tier 1: mechanical",
        resolution="Sessions at work go on; new work starts tomorrow, or when budget.usd_per_day is raised.",
        prevention=("specification: which tasks cost more than they are worth? swarmgit cost --by task",),
        answers=("swarmgit cost", "swarmgit status"),
    )
    incidents.report(situation, draft, said)


def _convoys_without_money(situation: Situation, draft: Draft) -> None:
    for wallet in budget.empty_wallets(situation, draft):
        convoy = situation.desired.convoys[wallet.convoy]
        limits = f"{convoy.budget.usd}/{convoy.budget.tokens}"
        said = Report(
            signature=f"budget/convoy/{convoy.id}",
            key=f"budget/convoy/{convoy.id}/{limits}",
            title=f"the budget of convoy {convoy.id} is spent: no session of its tasks starts",
            what=f"{wallet.sentence()}.",
            detection="tier 1: mechanical",
            resolution="Sessions at work go on; new ones start when the convoy's budget is raised.",
            prevention=("specification: which of its tasks cost more than they are worth? swarmgit cost --by task",),
            answers=(f"swarmgit convoy show {convoy.id}", "swarmgit cost --by convoy"),
        )
        incidents.report(situation, draft, said)


def _leaks(situation: Situation, draft: Draft) -> None:
    """Report secrets that were taken out of what was written; each is noted until its incident is recorded."""
    for leak in situation.observed.leaks:
        said = Report(
            signature=f"secret/{leak.kind}",
            key=f"{leak.place}/{leak.kind}",
            title=f"a secret was about to be written down: {leak.kind}",
            what=f"{leak.place}: what looks like a secret ({leak.kind}) was taken out of it",
            detection="tier 1: mechanical",
            resolution="Redacted. Whoever wrote it had it: make it worthless.",
            prevention=("policy: who needs this credential, and can it be short-lived (mint)?",),
            answers=("swarmgit log -n 5", "swarmgit diff"),
            is_urgent=True,
        )
        incidents.report(situation, draft, said)
    if situation.observed.leaks:
        draft.add(ForgetLeaks(situation.observed.leaks))


def _refs(situation: Situation, draft: Draft, session: Session, changed: tuple[str, ...]) -> None:
    """Raise the alarm: branches, tags or a stash of the person's lost something while a session could reach them."""
    spec = session.spec
    said = Report(
        signature="tamper/refs",
        key=f"tamper/refs/{spec.id}",
        title="refs of this repository lost something while a session ran",
        what=f"{spec.agent}, {spec.task}, sandbox {spec.sandbox}: {'; '.join(changed)}",
        detection="tier 1: mechanical",
        agent=spec.agent,
        task=spec.task,
        session=spec.id,
        cause="Somebody changed them meanwhile: the session, or you.",
        prevention=("infrastructure: a sandbox that hides the git directory; swarmgit doctor says which one is used",),
        answers=("git reflog --all", "swarmgit doctor"),
        is_urgent=True,
    )
    incidents.report(situation, draft, said)


def _attempts(situation: Situation, draft: Draft) -> None:
    for view in draft.views.values():
        stored = situation.observed.statuses.get(view.task)
        if not view.attempts or (stored is not None and view.attempts == stored.attempts):
            continue
        known = {attempt.number: attempt for attempt in stored.attempts} if stored else {}
        for attempt in view.attempts:
            if attempt != known.get(attempt.number):
                _attempt(situation, draft, view, attempt)


def _attempt(situation: Situation, draft: Draft, view: TaskStatus, attempt: Attempt) -> None:
    answers = (f"swarmgit why {view.task}", f"swarmgit logs {attempt.session}")
    session = situation.agent_session(attempt.session)
    cause = causes.of(attempt, session) if attempt.outcome in causes.ENDS else None
    gone = situation.lacks(attempt.head, attempt.base)
    if gone and attempt.outcome == "lost":
        incidents.report(situation, draft, losses.incident(view.task, attempt, gone))
    elif cause is not None:
        incidents.report(situation, draft, causes.report(cause, view.task, attempt))
    elif attempt.outcome in ENDED_BADLY and attempt.cause not in BY_WATCHDOG:  # that has one of its own
        title, check = ENDED_BADLY[attempt.outcome]
        said = Report(
            signature=f"session/{attempt.outcome}/{_kind(attempt)}",
            key=attempt.session,
            title=title,
            what=f"{attempt.agent}, attempt {attempt.number} at {view.task}: {attempt.reason}",
            detection="session" if attempt.outcome == "error" else "tier 1: mechanical",
            **causes.whose(view.task, attempt),
            prevention=(check,),
            answers=answers,
        )
        incidents.report(situation, draft, said)
    meddled = [told for told in session.capture.objections if TAMPERED in told] if session and session.capture else []
    if meddled:
        _tampering(situation, draft, view, attempt, meddled)
    if attempt.salvage is not None and attempt.outcome != "handed-over":  # its successor has it
        _salvage(situation, draft, view, attempt)


def _kind(attempt: Attempt) -> str:
    """Return what tells one way of ending from another: a session that cannot start has its program's own words."""
    return NUMBERS.sub("#", attempt.reason)[:80] if attempt.outcome == "error" else attempt.runtime


def _tampering(situation: Situation, draft: Draft, view: TaskStatus, attempt: Attempt, told: list[str]) -> None:
    """Raise the alarm: what the person's own git runs may not be theirs any more. The work was refused."""
    said = Report(
        signature="tamper/settings",
        key=f"tamper/{attempt.session}",
        title="git settings of this repository changed while a session ran",
        what=f"{attempt.agent}, attempt {attempt.number} at {view.task}: {'; '.join(told)[:1000]}",
        detection="session",
        **causes.whose(view.task, attempt),
        cause="Somebody changed them meanwhile: the session, or you.",
        resolution="The work was refused. The settings are as they were left: look at them before you run git here.",
        prevention=("infrastructure: a sandbox that hides the git directory; swarmgit doctor says which one is used",),
        answers=("git config --local --list", f"swarmgit logs {attempt.session}", f"swarmgit task pause {view.task}"),
        is_urgent=True,
    )
    incidents.report(situation, draft, said)


def _salvage(situation: Situation, draft: Draft, view: TaskStatus, attempt: Attempt) -> None:
    said = Report(
        signature=f"salvage/{attempt.outcome}",
        key=f"salvage/{attempt.session}",
        title=f"work that did not land was saved ({attempt.outcome})",
        what=f"{view.task}, attempt {attempt.number} by {attempt.agent}: {attempt.salvage}",
        detection="session",
        **causes.whose(view.task, attempt),
        resolution="Saved; the next attempt is told where.",
        answers=(f"git diff {attempt.base[:12]} {attempt.salvage}",),
    )
    incidents.report(situation, draft, said)


def _gate(situation: Situation, draft: Draft, session: GateSession) -> None:
    evidence = session.evidence
    assert evidence is not None
    kind = evidence.reason.partition(":")[0]
    said = Report(
        signature=f"gate-error/{evidence.gate}/{kind[:80]}",
        key=evidence.session,
        title=f"gate {evidence.gate} could not answer: {kind}",
        what=f"gate {evidence.gate} on tree {evidence.tree[:12]}: {evidence.reason}",
        detection="gate",
        task=session.spec.task,
        session=evidence.session,
        prevention=("gate: does its command run here, within its time?",),
        answers=("swarmgit gates", f"swarmgit logs {evidence.session}"),
    )
    incidents.report(situation, draft, said)


def _forgery(situation: Situation, draft: Draft, letter: Mail) -> None:
    said = Report(
        signature=f"mail/forged/{letter.sender}",
        key=letter.id,
        title=f"{letter.sender} wrote in somebody else's name",
        what=f"{letter.refused}; to {letter.to}: {letter.subject}",
        detection="mail",
        agent=AgentName(letter.sender),
        task=letter.task,
        session=letter.session,
        resolution="Refused.",
        answers=("swarmgit mail list dead",),
        is_urgent=True,
    )
    incidents.report(situation, draft, said)


def _landing(situation: Situation, draft: Draft, entry: Entry) -> None:
    data = entry.events[-1].data if entry.events else {}
    kind = str(data.get("kind", "rejected"))
    what = str(data.get("gate") or ", ".join(map(str, data.get("paths", ()))) or "")
    said = Report(
        signature=f"landing/{kind}/{data.get('gate', '')}",
        key=f"landing/{entry.id}",
        title=f"an entry could not land: {kind}" + (f" {data['gate']}" if data.get("gate") else ""),
        what=f"{entry.task}: {data.get('reason', kind)}" + (f" ({what[:300]})" if what else ""),
        detection="merge queue",
        agent=entry.agent,
        task=entry.task,
        session=entry.session,
        resolution="The work is kept, and its task goes on with what refused it.",
        prevention=("gate: does it judge what it should?", "specification: which tasks change the same places?"),
        answers=(f"swarmgit queue show {entry.id}", f"swarmgit why {entry.task}", f"swarmgit queue retry {entry.id}"),
    )
    incidents.report(situation, draft, said)
