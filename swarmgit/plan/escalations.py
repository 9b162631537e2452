"""What people are told by mail: work that only they can bring on, and reports that were delivered."""

from __future__ import annotations

from swarmgit.documents import paths
from swarmgit.model.mail import HUMAN, Letter
from swarmgit.model.status import ASLEEP, TaskStatus
from swarmgit.plan import mail
from swarmgit.plan.situation import Draft, Situation


def write(situation: Situation, draft: Draft) -> None:
    """Write to people about every task that has come to a place where they are needed; once for each time."""
    for name, view in draft.views.items():
        stored = situation.observed.statuses.get(name)
        if stored is not None and stored.phase == view.phase:
            continue
        if view.phase in ASLEEP:
            mail.from_swarmgit(situation, draft, _escalation(view), f"{name}/{view.phase}/{len(view.attempts)}")
        elif view.phase == "reported":
            mail.from_swarmgit(situation, draft, _report(view), f"{name}/reported/{len(view.attempts)}")


def _escalation(view: TaskStatus) -> Letter:
    last = view.last
    lines = [f"{view.title}", "", f"{view.phase}: {view.reason}"]
    if last is not None and last.rejection is not None:
        lines += ["", f"The last rejection: {last.rejection.summary}", f"Next: {last.rejection.next_step}"]
    if last is not None and last.salvage is not None:
        lines += ["", f"Its work is kept: git diff {last.base[:12]} {last.salvage}"]
    commands = [f"swarmgit why {view.task}", f"swarmgit task restart {view.task}", f"swarmgit task cancel {view.task}"]
    lines += ["", "What answers this:", *(f"    {command}" for command in commands)]
    subject = f"{view.task} needs a person" if view.phase == "needs-human" else f"{view.task} has failed"
    return _to_people("escalation", subject, lines, view)


def _report(view: TaskStatus) -> Letter:
    lines = [f"{view.title}", "", f"The report is {paths.state_report(view.task)} on the branch swarm/state."]
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
