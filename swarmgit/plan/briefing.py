"""The prompt: role, CV, task, contracts, feedback, mail. `swarmgit prompt TASK` prints what this returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from swarmgit.documents import quoting
from swarmgit.documents.answers import ACCEPTANCE
from swarmgit.model.desired import Task
from swarmgit.model.handoffs import Summary
from swarmgit.model.mail import Digest, Mail
from swarmgit.model.status import Attempt, Identity, Rejection, TaskStatus
from swarmgit.plan import cv, rejections

NO_MAIL = Digest()
DESK = """\
Others may write to you while you work: `swarmgit mail check` shows what is new; the files are in `$SWARM_INBOX`.
To write: `swarmgit mail send NAME -s SUBJECT -m TEXT`. NAME is an agent, or `human` for a person."""
"""What every prompt says about mail: no role has to know of it."""

TRIED_MAX = 3

ACCEPT = (
    "Before you change anything compare that with the files. Then write this JSON, filled in, into the file accepted "
    "in your outbox folder ($SWARM_OUTBOX/accepted), so that it is seen that you know where the work stands, and go on:"
)


def prompt_for(
    task: Task,
    role_text: str,
    identity: Identity | None,
    status: TaskStatus | None,
    mails: Digest = NO_MAIL,
) -> str:
    """Return the whole prompt of the task's next session, as Markdown.

    A session that takes over from another gets what that one has written down instead of the story of all attempts.
    """
    previous = status.counted if status else ()
    is_successor = bool(previous) and previous[-1].outcome == "handed-over"
    sections = (
        role_text.strip(),
        _cv(identity),
        _task(task),
        _scope(task),
        _acceptance(task),
        section("Contracts that others rely on", task.contracts),
        section("Messages", DESK),
        _taking_over(status, previous) if status and is_successor else _tried(status),
        _mail(mails),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def going_on(task: Task, mails: Digest = NO_MAIL) -> str:
    """Return the prompt of a session that goes on with a conversation after a pause."""
    told = (
        f"You were interrupted while you worked on task {task.id}; the task is the same. Your working directory may be "
        "another one now: use the present one. What you had changed within your scope is in it as uncommitted changes, "
        "unless git status says otherwise. Go on where you stopped, and finish the task.\n"
    )
    shown = _mail(mails)
    return f"{told}\n{shown}\n" if shown else told


def feedback_of(status: TaskStatus | None) -> Rejection | None:
    """Return the rejection that the next session has to answer."""
    return _rejection(status.attempts) if status else None


def _rejection(previous: tuple[Attempt, ...]) -> Rejection | None:
    """Return how the last judged attempt went back; one that was only handed over changes nothing about that."""
    judged = [attempt for attempt in previous if attempt.outcome != "handed-over"]
    return judged[-1].rejection if judged else None


def section(title: str, body: str) -> str:
    """Return a part of a prompt under its heading, nothing where there is nothing to say."""
    return f"## {title}\n\n{body.strip()}" if body.strip() else ""


def _cv(identity: Identity | None) -> str:
    if identity is None or not identity.sessions:
        return ""
    done = f"{identity.tasks_completed} tasks completed, {identity.first_pass} without rework"
    back = f" {identity.reworked} attempts were sent back." if identity.reworked else ""
    best = cv.strengths(identity)
    known = f" You know {', '.join(best)} best." if best else ""
    return section("You", f"You are {identity.name}: {identity.sessions} sessions, {done}.{back}{known}")


def _task(task: Task) -> str:
    return f"# Task {task.id}: {task.title}\n\n{task.description.strip()}"


def _scope(task: Task) -> str:
    if task.is_read_only:
        return section("Scope", "You change nothing. Write what you find to report.md in the outbox folder.")
    lines = ["You may change only these paths; anything else is refused:"]
    lines += [f"- {pattern}" for pattern in task.scope.owns]
    lines += [f"- {pattern} (shared with other tasks: keep the change small)" for pattern in task.scope.shares]
    if task.scope.modes:
        lines.append("You may change the mode and kind of existing files only here: " + ", ".join(task.scope.modes))
    if task.scope.reads:
        lines.append("Read first: " + ", ".join(task.scope.reads))
    return section("Scope", "\n".join(lines))


def _acceptance(task: Task) -> str:
    if not task.acceptance:
        return ""
    commands = "\n".join(f"- `{item.run}`" for item in task.acceptance)
    return section("Done means that each of these passes", commands)


def _tried(status: TaskStatus | None) -> str:
    """Return how the last attempts ended, whoever made them: a new start or another agent forgets nothing.

    Only what the next attempt has to answer is told in full.
    """
    tried = [a for a in status.attempts if a.outcome != "running"] if status else []
    if status is None or not tried:
        return ""
    last = tried[-1]
    is_current = last.number >= status.window
    lines = [
        f"Attempt {a.number} by {a.agent}: {a.outcome}. {quoting.line(a.reason)}".strip() for a in tried[-TRIED_MAX:]
    ]
    if not is_current:
        lines.append("The task was then started again, or given to another agent: nothing of it is in your worktree.")
    if last.salvage:
        lines.append(f"What attempt {last.number} changed is kept: {_kept(last)}")
    if last.left_out is not None and last.left_out.items:
        kept = f"git diff {last.base[:12]} {last.left_out.commit[:12]}, git log {last.left_out.commit[:12]}"
        lines.append(f"Left out of it: {rejections.named(last.left_out)}. All of that is kept: {kept}")
    if is_current and last.outcome == "rejected" and last.kept_paths:
        lines.append(
            f"Its changes to {len(last.kept_paths)} files are in your worktree again as uncommitted changes, "
            "unless the target has changed the same files since: see git status."
        )
    if last.rejection is not None:
        lines.append(feedback_text(last.rejection))
    told = next((a.handoff for a in reversed(tried) if a.handoff is not None), None)
    if told is not None:
        lines.append(
            f"One of them was handed over with these words:\n\n{quoting.quotation(summary_text(told.summary))}"
        )
    return section("What was tried before", "\n\n".join(lines))


def _taking_over(status: TaskStatus, previous: tuple[Attempt, ...]) -> str:
    """Return what a successor is told, and how it shows that it has understood."""
    last, rejection = previous[-1], _rejection(previous)
    if last.handoff is None:
        return _tried(status)
    who = (
        "It wrote" if last.handoff.by == "session" else "It could not be asked; this was put together from what it did"
    )
    where = "What it changed is in your worktree as uncommitted changes (git status, git diff)."
    if not last.kept_paths:
        where = f"What it changed is kept: {_kept(last)}." if last.salvage else "It had changed nothing yet."
    lines = [
        f"{last.agent} was at this task before you and is not any more. {where} {who}:",
        quoting.quotation(summary_text(last.handoff.summary)),
        f"{ACCEPT}\n\n    {ACCEPTANCE}",
        feedback_text(rejection) if rejection is not None else "",
    ]
    return section("You take over", "\n\n".join(line for line in lines if line))


def summary_text(summary: Summary) -> str:
    """Return a summary as its successor reads it."""
    parts = [f"State: {quoting.line(summary.state)}"]
    for title, items in (("Done", summary.done), ("Remaining", summary.remaining), ("Surprises", summary.surprises)):
        if items:
            parts.append(f"{title}:\n" + "\n".join(f"- {quoting.line(item)}" for item in items))
    return "\n\n".join(parts) + "\n"


def _kept(attempt: Attempt) -> str:
    return f"git diff {attempt.base[:12]} {attempt.salvage}"


def _mail(mails: Digest) -> str:
    """Return the messages as quotations: what is in them is what somebody says, not what the task asks for."""
    shown = [(mail, len(mail.body)) for mail in mails.whole] + list(mails.cut)
    parts = [_message(mail, size) for mail, size in sorted(shown, key=lambda each: each[0].id)]
    if mails.more:
        parts.append(f"{mails.more} more in $SWARM_INBOX: swarmgit mail check")
    return section("Mail", "\n\n".join(parts))


def _message(mail: Mail, size: int) -> str:
    urgent = ", urgent" if mail.priority == "urgent" else ""
    parts = [f"{mail.type} from {mail.sender}{urgent}: {quoting.line(mail.subject)} (id {mail.id})"]
    parts.append(quoting.quotation(mail.body[:size]))
    if size < len(mail.body):
        left = len(mail.body) - size
        parts.append(f"{left} characters more in $SWARM_INBOX/{mail.id}.yaml: swarmgit mail read {mail.id}")
    return "\n\n".join(part for part in parts if part)


def feedback_text(rejection: Rejection) -> str:
    """Return a rejection as an agent reads it."""
    parts = [f"Rejected: {quoting.line(rejection.summary)}", f"Next: {quoting.line(rejection.next_step)}"]
    if rejection.paths:
        parts.append("Paths: " + ", ".join(map(quoting.line, rejection.paths)))
    if rejection.places:
        parts.append("Places:\n" + "\n".join(f"- {_place(p)}" for p in rejection.places))
    if rejection.output:
        parts.append("Output:\n\n" + quoting.code(rejection.output))
    return "\n\n".join(parts)


def _place(place: Mapping[str, Any]) -> str:
    return quoting.in_json(json.dumps(dict(place), ensure_ascii=False))
