"""The words of `reconcile`: one line per event, and the closing summary. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from msgspec import Struct, field

from swarmgit.app.views.plan import KIND_OF_PHASE, Step, steps_of, who
from swarmgit.app.views.times import stamp
from swarmgit.documents import quoting
from swarmgit.model.actions import Save, StartSession, StopSession, saves
from swarmgit.model.ids import SessionId, TaskId
from swarmgit.model.outcomes import Blocked, Done, Failed, Outcome
from swarmgit.model.status import FINISHED, TaskStatus
from swarmgit.plan import checkouts
from swarmgit.plan.incidents.catalogue import CATALOGUE

if TYPE_CHECKING:
    from swarmgit.app.control import Stopped
    from swarmgit.app.look import Look
    from swarmgit.app.run import Result, TickReport, Trouble

INTERRUPTED = (
    "interrupted: sessions go on, and the next 'swarmgit reconcile' takes them up again. "
    "Stop one with 'swarmgit stop SESSION', all new work with 'swarmgit freeze'"
)
SILENT = frozenset({"finish", "merge", "salvage", "gate", "land"})
NAME_COLUMNS_MAX = 24


class Narrator(Struct):
    """Turns tick reports into lines; says each thing once. `zone` None: the machine's own."""

    zone: tzinfo | None = None
    phases: dict[TaskId, str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    stopped: set[SessionId] = field(default_factory=set)
    troubled: str = ""

    def lines(self, report: TickReport) -> Iterator[str]:
        names = max((len(task) for task in report.look.desired.tasks), default=0)
        if self.troubled:
            self.troubled = ""
            yield line(report.look.now.astimezone(self.zone), Step("healed", None, "it works again"))
        for step in self._steps(report):
            yield line(report.look.now.astimezone(self.zone), step, min(names, NAME_COLUMNS_MAX))

    def trouble(self, trouble: Trouble) -> Iterator[str]:
        """Yield a line about a tick that came to nothing; none where it was said and nothing has gone well since."""
        if trouble.message != self.troubled:
            self.troubled = trouble.message
            hint = f" ({trouble.hint})" if trouble.hint else ""
            words = f"{trouble.message}{hint}; it is tried again until it works"
            yield line(trouble.at.astimezone(self.zone), Step("error", None, words))

    def _steps(self, report: TickReport) -> Iterator[Step]:
        for outcome in report.outcomes:
            yield from self._outcome(outcome, report.look)
        for action in report.actions:
            if isinstance(action, Save) and isinstance(action.value, TaskStatus):
                yield from self._phase(action.value)
        for alert in report.look.observed.alerts:
            if (kind := CATALOGUE.get(alert.kind)) is not None:
                yield from self._once(Step("notice", None, f"{kind.title_of(alert)}: {kind.what_of(alert)}"))
        for problem in report.look.desired.problems:
            yield from self._once(Step("problem", None, str(problem)))

    def _outcome(self, outcome: Outcome, look: Look) -> Iterator[Step]:
        match outcome:
            case Done(action=StartSession() as start):
                yield Step("start", start.spec.task, who(start))
            case Done(action=StopSession(session=session) as stop):
                if session not in self.stopped:
                    self.stopped.add(session)
                    yield from steps_of(stop, look)
            case Done(action=action):
                steps = () if saves(action, TaskStatus) else steps_of(action, look)
                yield from (step for step in steps if step.kind not in SILENT)
            case Failed():
                hint = f" ({outcome.hint})" if outcome.hint else ""
                task = outcome.step.task if outcome.step else None
                yield from self._once(Step("error", task, f"{outcome.message}{hint}"))
            case Blocked():
                entry = look.observed.entries.get(outcome.entry) if outcome.entry else None
                task = entry.task if entry else None
                yield from self._once(Step("blocked", task, checkouts.holding(outcome)))
            case _:
                return

    def _phase(self, status: TaskStatus) -> Iterator[Step]:
        before = self.phases.get(status.task)
        self.phases[status.task] = status.phase
        if status.phase != before and status.phase not in {"waiting", "running"}:
            reason = status.landed_commit[:10] if status.landed_commit else status.reason
            yield Step(KIND_OF_PHASE[status.phase], status.task, reason)

    def _once(self, step: Step) -> Iterator[Step]:
        if step.reason not in self.said:
            self.said.add(step.reason)
            yield step


def line(at: datetime, step: Step, width: int = 0) -> str:
    """Return '12:01:03 start   api-auth  builder-01 (codemod)'; `width`: columns for the task's name."""
    name = f"{step.task.ljust(width)}  " if step.task else ""
    return f"{at:%H:%M:%S} {step.kind:<7} {name}{quoting.line(step.reason)}".rstrip()


def summary(result: Result) -> str:
    """Return how it ended, what every task came to, and the commands to look further."""
    counts = _counts(result.look)
    tally = ", ".join(f"{count} {phase}" for phase, count in counts.items()) or "no tasks"
    head = f"{result.reason}: {tally}" if result.reason else tally
    return "\n".join((head, *_told(result.look), f"look further: {_further(result)}"))


def _told(look: Look) -> Iterator[str]:
    """Yield what holds everything, and what a checkout does not show."""
    freeze = look.observed.freeze
    if freeze:
        why = f": {quoting.line(freeze.reason)}" if freeze.reason else ""
        since = f"frozen since {stamp(freeze.at)} by {quoting.line(freeze.by)}"
        yield f"{since}{why}; nothing starts or lands until: swarmgit thaw"
    yield from (quoting.line(checkouts.behind(each)) for each in look.observed.behind)


def _counts(look: Look) -> dict[str, int]:
    from swarmgit.app.views.tasks import statuses

    phases = sorted((status.phase for status in statuses(look).values()), key=lambda p: (p not in FINISHED, p))
    return {phase: phases.count(phase) for phase in dict.fromkeys(phases)}


def _further(result: Result) -> str:
    from swarmgit.app.views.tasks import statuses

    stuck = [s.task for s in statuses(result.look).values() if s.phase in {"needs-human", "failed"}]
    commands = [f"swarmgit why {stuck[0]}"] if stuck else []
    return ", ".join((*commands, "swarmgit status", "swarmgit log", "git log --first-parent"))


def stopped(done: Stopped) -> str:
    """Return what became of a session that was to be stopped, and how its task goes on."""
    if done.was_over:
        return f"session {done.session} is over already"
    end = "has ended" if done.is_over else "has not ended yet, though it was asked and killed; see 'swarmgit status'"
    if done.task is None:
        return f"session {done.session} {end}"
    return "\n".join(
        (
            f"session {done.session} {end}; task {done.task} is paused, and its work is kept",
            f"go on where it was: swarmgit task resume {done.task}",
            f"begin afresh:       swarmgit task restart {done.task}",
        )
    )
