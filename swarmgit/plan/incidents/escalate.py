"""What is told by mail: to agents why work went back, to people what only they can bring on, and reports."""

from __future__ import annotations

from swarmgit.documents import paths, quoting
from swarmgit.model.mail import HUMAN, Letter
from swarmgit.model.reasons import Reason
from swarmgit.model.status import ASLEEP, TaskStatus
from swarmgit.plan import mail
from swarmgit.plan.situation import Draft, Situation
from swarmgit.state import kinds

PATHS_SHOWN = 20


def write(situation: Situation, draft: Draft) -> None:
    """Write to people about every task that has come to a place where they are needed; once for each time."""
    for name, view in draft.views.items():
        stored = situation.observed.statuses.get(name)
        _rework(situation, draft, stored, view)
        if stored is not None and stored.phase == view.phase:
            continue
        if view.phase in ASLEEP:
            letter = _escalation(view, draft.reason_of(view))
            mail.from_swarmgit(situation, draft, letter, f"{name}/{view.phase}/{len(view.attempts)}")
        elif view.phase == "reported":
            mail.from_swarmgit(situation, draft, _report(view), f"{name}/reported/{len(view.attempts)}")


def _rework(situation: Situation, draft: Draft, stored: TaskStatus | None, view: TaskStatus) -> None:
    """Write to the agent why its work went back; the feedback in the next prompt tells it, so this counts as read."""
    last = view.last
    if last is None or last.rejection is None or last.ended is None or (stored is not None and stored.last == last):
        return
    refused = last.rejection
    paths_shown = (f"- {quoting.line(path)}" for path in refused.paths[:PATHS_SHOWN])
    lines = [quoting.line(refused.summary), "", f"Next: {quoting.line(refused.next_step)}", *paths_shown]
    letter = Letter(
        to=(last.agent,),
        subject=f"{view.task}: attempt {last.number} went back ({refused.kind})",
        body="\n".join(lines) + "\n",
        type="rework_request",
        task=view.task,
        convoy=view.convoy,
    )
    mail.from_swarmgit(situation, draft, letter, f"{view.task}/rework/{last.session}/{refused.kind}", is_read=True)


def _escalation(view: TaskStatus, why: Reason) -> Letter:
    last = view.last
    lines = [quoting.line(view.title), "", f"{view.phase}: {quoting.line(view.reason)}"]
    if last is not None and last.rejection is not None:
        lines += ["", f"The last rejection: {quoting.line(last.rejection.summary)}"]
        lines += [f"Next: {quoting.line(last.rejection.next_step)}"]
    if last is not None and last.salvage is not None:
        lines += ["", f"Its work is kept: git diff {last.base[:12]} {last.salvage}"]
    again = (f"swarmgit why {view.task}", f"swarmgit task restart {view.task}", f"swarmgit task cancel {view.task}")
    lines += ["", "What answers this:", *(f"    {each}" for each in dict.fromkeys((why.command, *again)))]
    lines += ["", f"If nobody does anything: {why.if_ignored}"]
    subject = f"{view.task} needs a person" if view.phase == "needs-human" else f"{view.task} has failed"
    return _to_people("escalation", subject, lines, view)


def _report(view: TaskStatus) -> Letter:
    lines = [f"{view.title}", "", f"The report is {paths.STATE_CHECKOUT}/{kinds.REPORTS.file(view.task)}."]
    return _to_people("task_complete", f"{view.task} has delivered its report", lines, view)


def _to_people(kind: str, subject: str, lines: list[str], view: TaskStatus) -> Letter:
    is_escalation = kind == "escalation"
    return Letter(
        to=(HUMAN,),
        subject=subject,
        body="\n".join(lines) + "\n",
        type="escalation" if is_escalation else "task_complete",
        priority="high" if is_escalation else "normal",
        task=view.task,
        convoy=view.convoy,
    )
