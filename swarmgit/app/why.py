"""Why a task is where it is, in sentences, and what to do next. All of it is read from the same data as `status`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from swarmgit.app.look import Look
from swarmgit.app.names import find_task
from swarmgit.app.next_commands import next_commands
from swarmgit.app.views.money import convoy_budget_rows
from swarmgit.app.views.plan import why_waiting
from swarmgit.app.views.reasons import reason_of, reason_row
from swarmgit.app.views.tasks import drifted, statuses
from swarmgit.app.views.times import stamp
from swarmgit.app.views.words import counted
from swarmgit.model.actions import StartSession
from swarmgit.model.endings import used_up
from swarmgit.model.ids import TaskId
from swarmgit.model.status import Rejection, TaskStatus
from swarmgit.plan import checkouts
from swarmgit.plan.priorities import raised
from swarmgit.plan.pushes import standing
from swarmgit.plan.rejections import named
from swarmgit.plan.wallets import members
from swarmgit.state import kinds

PATHS_SHOWN = 5


class Explanation(Struct, frozen=True):
    """`commands`: what to run next, best first. `why`: the reason as `status --json` has it."""

    task: TaskId
    phase: str
    sentences: tuple[str, ...]
    commands: tuple[str, ...]
    why: dict[str, Any] | None = None

    def text(self) -> str:
        return "\n".join(
            (f"{self.task}: {self.phase}", *self.sentences, *(f"  next: {each}" for each in self.commands))
        )

    def document(self) -> dict[str, Any]:
        """Return `why --json`."""
        return {
            "version": 1,
            "task": self.task,
            "phase": self.phase,
            "why": self.why,
            "sentences": list(self.sentences),
            "commands": list(self.commands),
        }


def explain(look: Look, name: str) -> Explanation:
    """Return what there is to say about a task's present phase."""
    found = statuses(look)
    known = {**dict.fromkeys(look.observed.archived), **found}
    task = find_task(name, known, found)
    status = known[task]
    if status is None:
        place = look.observed.archived[task]
        return Explanation(task, "finished", (f"It is finished and archived in {place} on the state branch.",), ())
    sentences = (
        *_phase(look, status),
        *_ignored(look, status),
        *_brakes(look, status),
        *_attempts(look, status),
        *_rejection(status),
        *_left_out(status),
        *_priority(look, status),
        *_convoy(look, status),
        *_handoff(status),
        *_names(status),
        *_conditions(status),
    )
    commands = next_commands(look, status)
    return Explanation(task, status.phase, sentences, commands, reason_row(look, status))


STARTS = {
    "verifying": "Its work is being checked by the gates",
    "needs-human": "It needs a person",
    "failed": "It has failed and is not tried again by itself",
    "cancelled": "It is cancelled",
    "reverted": "It had landed and was taken back",
    "unchanged": "No change was needed, and the gates pass without one",
}


def _phase(look: Look, status: TaskStatus) -> Iterator[str]:
    match status.phase:
        case "waiting" | "rework":
            yield _waiting(look, status)
        case "running":
            yield _running(look, status)
        case "queued":
            yield from _queued(look, status)
        case "landed":
            when = f" on {stamp(status.finished)}" if status.finished else ""
            yield f"It landed as {status.landed_commit}{when}."
            if (drift := look.observed.drift.get(status.task)) is not None:
                yield f"{drifted(status, drift).capitalize()}."
            yield from _unpushed(look, status)
            yield from (f"{checkouts.behind(each)}." for each in look.observed.behind)
        case "reported":
            yield _sentence("Its report is on the state branch", kinds.REPORTS.file(status.task))
        case _:
            yield _sentence(STARTS[status.phase], status.reason)


def _names(status: TaskStatus) -> Iterator[str]:
    if status.renamed_from:
        yield f"It was called {status.renamed_from[-1]} before; its file was renamed."
    if status.renamed_to is not None:
        yield f"Its file is called {status.renamed_to} now; it goes by that name once nothing works for it any more."


def _unpushed(look: Look, status: TaskStatus) -> Iterator[str]:
    found = standing(look.desired.swarm, look.observed) if look.desired.swarm else None
    remote = look.observed.remote
    if found and found.text and (remote is None or status.landed_commit in remote.unpushed):
        yield _sentence("It is not on the remote yet", found.text)


def _sentence(start: str, detail: str) -> str:
    return f"{start}: {detail.rstrip('.')}." if detail else f"{start}."


def _waiting(look: Look, status: TaskStatus) -> str:
    start = "Its work went back to an agent and" if status.phase == "rework" else "It"
    if any(isinstance(each, StartSession) and each.spec.task == status.task for each in look.plan.actions):
        return f"{start} starts with the next tick."
    return _sentence(f"{start} waits", why_waiting(status))


def _running(look: Look, status: TaskStatus) -> str:
    last = status.last
    if last is None:
        return "It runs."
    session = look.observed.sessions.get(last.session)
    minutes = (look.now - last.started).total_seconds() / 60
    pid = f", process {session.pid}" if session and session.pid else ""
    stopping = f"; it is being stopped: {session.stop.text}" if session and session.stop else ""
    where = f"in session {last.session}{pid}{stopping}"
    return f"Agent {last.agent} ({last.runtime}) has been at it for {minutes:.0f} min {where}."


def _queued(look: Look, status: TaskStatus) -> Iterator[str]:
    entry = look.observed.entries.get(status.entry) if status.entry else None
    yield _sentence(
        f"It is in the merge queue as entry {status.entry}, {entry.state}" if entry else "It is in the merge queue",
        status.reason,
    )
    edited = look.observed.blocked.get(status.entry, ()) if status.entry else ()
    if edited:
        yield f"{checkouts.waits(edited, look.observed.index_locks, look.now)}."


def _ignored(look: Look, status: TaskStatus) -> Iterator[str]:
    why = reason_of(look, status)
    if why is not None and status.phase != "running":
        yield f"If nobody does anything: {why.if_ignored}"


def _brakes(look: Look, status: TaskStatus) -> Iterator[str]:
    freeze = look.observed.freeze
    if freeze and status.finished is None:
        yield _sentence(f"Everything is frozen since {stamp(freeze.at)} by {freeze.by}", freeze.reason)
    control = look.observed.controls.get(status.task)
    if control and control.paused:
        yield _sentence(f"It is paused by {control.by}", control.reason)
    for problem in look.desired.problems:
        if status.task in look.desired.held and problem.file.endswith(f"/{status.task}.yaml"):
            yield f"Its file has a problem: {problem}."


def _attempts(look: Look, status: TaskStatus) -> Iterator[str]:
    if not status.attempts:
        return
    task, swarm = look.desired.tasks.get(status.task), look.desired.swarm
    allowed = (task.budget.attempts if task else None) or (swarm.attempts_max if swarm else None)
    if status.finished:
        yield f"It took {counted(len(status.attempts), 'session')}."
        return
    used = used_up(attempt.outcome for attempt in status.counted)
    last = status.attempts[-1]
    yield f"{used} of {allowed or '?'} attempts are used up; it has had {counted(len(status.attempts), 'session')}."
    detail = f": {last.reason.rstrip('.')}" if last.reason else ""
    yield f"The last one, {last.session} by {last.agent}, is {last.outcome}{detail}."


def _left_out(status: TaskStatus) -> Iterator[str]:
    left = status.last.left_out if status.last else None
    if left is not None and left.items:
        yield f"Left out of its work: {named(left)}. It is kept: git log {left.ref}"


def _rejection(status: TaskStatus) -> Iterator[str]:
    rejection = status.last.rejection if status.last else None
    if rejection is None or status.phase in {"landed", "reverted", "unchanged", "reported"}:
        return
    yield _sentence("It was sent back", rejection.summary)
    yield from _details(rejection)


def _priority(look: Look, status: TaskStatus) -> Iterator[str]:
    """Yield whose turn it is before others', or after them, while that still matters."""
    task, higher = look.desired.tasks.get(status.task), raised(look.desired).get(status.task)
    if task is None or status.finished is not None:
        return
    if higher is not None:
        yield f"Its priority is {higher.priority}, from convoy {higher.convoy} (its own: {task.priority})."
    elif task.priority != "normal":
        yield f"Its priority is {task.priority}."


def _convoy(look: Look, status: TaskStatus) -> Iterator[str]:
    """Yield what a convoy's budget says to a task that is not done, once it is nearly used up."""
    paid_by = {name for name, tasks in members(look.desired).items() if status.task in tasks}
    for row in convoy_budget_rows(look) if paid_by and status.finished is None else ():
        if row["convoy"] in paid_by and row["alert"]:
            yield f"{row['text'][:1].upper()}{row['text'][1:]}."


def _handoff(status: TaskStatus) -> Iterator[str]:
    """Yield how the work was last handed over, and whether its successor knows where it stands."""
    giver = next((a for a in reversed(status.attempts) if a.handoff is not None), None)
    if giver is None or giver.handoff is None:
        return
    told = giver.handoff
    whose = "its own words" if told.by == "session" else "what swarmgit saw of it"
    why = giver.reason.replace("handoff: ", "", 1)
    yield _sentence(f"Session {giver.session} handed over ({why}), with {whose}", told.summary.state)
    if told.accepted:
        yield _sentence(f"Its successor {told.successor} has understood", told.acceptance)
    elif told.unanswered:
        yield _sentence("It goes on without an acknowledgement", told.unanswered)
    else:
        yield "Its successor has not said yet that it knows where the work stands."


def _details(rejection: Rejection) -> Iterator[str]:
    if rejection.command:
        code = f" (exit code {rejection.exit_code})" if rejection.exit_code is not None else ""
        yield f"The command was `{rejection.command}`{code}."
    if rejection.paths:
        yield f"Paths: {some(rejection.paths)}."
    for place in rejection.places[:PATHS_SHOWN]:
        where = ":".join(str(place[key]) for key in ("file", "line") if place.get(key))
        what = " ".join(str(place[key]) for key in ("test", "message") if place.get(key))
        yield f"  {': '.join(part for part in (where, what) if part)}"


def _conditions(status: TaskStatus) -> Iterator[str]:
    """Yield what the conditions say beyond the phase and its reason."""
    for condition in status.conditions:
        if condition.message and condition.message != status.reason:
            since = f"since {stamp(condition.since)} ({condition.reason})"
            yield _sentence(f"{condition.type} is {condition.status} {since}", condition.message)


def some(names: tuple[str, ...]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - PATHS_SHOWN} more" if len(names) > PATHS_SHOWN else ""
    return ", ".join(names[:PATHS_SHOWN]) + more
