"""One tick's whole input, and what the parts of the plan write into before it becomes a value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.model.actions import Action, Save
from swarmgit.model.control import TaskControl
from swarmgit.model.desired import PRIORITY_RANK, Desired, Gate, Swarm, Task
from swarmgit.model.failures import FailedStep, StepKey
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import AgentName, CommitId, EntryId, EvidenceKey, GateName, MailId, SessionId, TaskId, TreeId
from swarmgit.model.incidents import Alert, Incident
from swarmgit.model.mail import Mail
from swarmgit.model.observed import Lack, MergeTry, Observed
from swarmgit.model.queue import Entry
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.sessions import AgentSession, GateSession, Session
from swarmgit.model.status import Identity, Phase, Rejection, TaskStatus
from swarmgit.model.usage import Aside
from swarmgit.model.work import Evidence
from swarmgit.plan import priorities
from swarmgit.plan.priorities import Raised
from swarmgit.state import kinds

NO_CONTROL = TaskControl()
GATE_LOST_MAX = 3
"""A gate run that was lost says nothing about its tree and runs again, but not for ever."""

PASSED_S = 0.2
"""How soon it looks again for an instant that has passed."""


class Want(Struct, frozen=True):
    """A gate run that somebody needs: smaller `rank` goes first."""

    gate: Gate
    key: EvidenceKey
    commit: CommitId
    code_tree: TreeId
    reason: str
    rank: int
    task: TaskId | None = None
    work: tuple[CommitId, ...] = ()
    reads: EvidenceKey | None = None


class Situation(Struct, frozen=True):
    """What `plan` decides from, with the look-ups that its parts share.

    `answers`: evidence by what its gate reads (`Evidence.reads`). `landed_work`: the heads of work that has landed.
    `rules`: digest of all that decides how two commits are merged; what was tried by other rules says nothing.
    `raised`: the tasks whose convoy gives them a higher priority than their own.
    """

    desired: Desired
    observed: Observed
    swarm: Swarm
    now: datetime
    only: frozenset[TaskId]
    apply_now: bool
    by_task: Mapping[TaskId, tuple[AgentSession, ...]]
    gate_sessions: Mapping[EvidenceKey, GateSession]
    evidence: Mapping[EvidenceKey, Evidence]
    answers: Mapping[EvidenceKey, tuple[Evidence, ...]]
    landed_work: frozenset[CommitId]
    rules: str
    raised: Mapping[TaskId, Raised]

    @classmethod
    def of(
        cls,
        desired: Desired,
        swarm: Swarm,
        observed: Observed,
        now: datetime,
        only: frozenset[TaskId],
        *,
        apply_now: bool,
    ) -> Situation:
        by_task: dict[TaskId, tuple[AgentSession, ...]] = {}
        gate_sessions: dict[EvidenceKey, GateSession] = {}
        evidence = dict(observed.evidence)
        for session in observed.sessions.values():
            if isinstance(session, AgentSession):
                by_task[session.spec.task] = (*by_task.get(session.spec.task, ()), session)
            elif isinstance(session, GateSession):
                known = gate_sessions.get(session.spec.key)
                if known is not None and not known.is_over:
                    continue
                answered = _answered(session, now)
                gate_sessions[session.spec.key] = answered
                if answered.evidence is not None:
                    evidence[session.spec.key] = answered.evidence
        answers: dict[EvidenceKey, tuple[Evidence, ...]] = {}
        for found in evidence.values():
            if found.reads is not None:
                answers[found.reads] = (*answers.get(found.reads, ()), found)
        landed = frozenset(entry.work for entry in observed.entries.values() if entry.state == "landed")
        rules = hashlib.sha256(repr((swarm.merge, desired.gates)).encode()).hexdigest()[:16]
        lookups = (by_task, gate_sessions, evidence, answers, landed, rules, priorities.raised(desired))
        return cls(desired, observed, swarm, now, only, apply_now, *lookups)

    def tried(self, onto: CommitId, head: CommitId) -> MergeTry | None:
        """Return what came of merging two commits by the present rules; None where it was not tried."""
        found = self.observed.merges.get((onto, head))
        return found if found is not None and found.rules == self.rules else None

    def lacks(self, *commits: CommitId | None) -> str:
        """Return why one of these commits cannot be had, as a sentence; '' where all can."""
        found = (self.observed.missing.get(commit) for commit in commits if commit is not None)
        return next((lack.text for lack in found if lack is not None), "")

    def agent_session(self, id_: SessionId) -> AgentSession | None:
        """Return an attempt's session; None where it is not there any more."""
        session = self.observed.sessions.get(id_)
        return session if isinstance(session, AgentSession) else None

    def rank(self, task: TaskId, priority: str) -> int:
        """Return the rank of a task with a priority of its own, raised by its convoy; the smaller goes first."""
        higher = self.raised.get(task)
        return PRIORITY_RANK.get(higher.priority if higher else priority, PRIORITY_RANK["normal"])

    def control(self, task: TaskId) -> TaskControl:
        return self.observed.controls.get(task, NO_CONTROL)

    def minutes_max(self, task: Task | None) -> float:
        return (task.budget.minutes if task else None) or self.swarm.minutes_per_session

    def attempts_max(self, task: Task) -> int:
        return task.budget.attempts or self.swarm.attempts_max


class Draft(Struct):
    """The plan while it is being made. Only the functions of this package write into it."""

    held: frozenset[TaskId] = frozenset()
    """Tasks of which nothing moves in this tick: work of theirs could not be saved."""

    given_up: set[TaskId] = field(default_factory=set)
    """Tasks that go on without work that could not be saved, as a person asked: it stays where it is."""

    failed: dict[StepKey, FailedStep] = field(default_factory=dict)
    withheld: dict[StepKey, FailedStep] = field(default_factory=dict)
    wanted: set[StepKey] = field(default_factory=set)
    """Steps that failed; those of them that this tick would do and does not; and all that it would do."""

    apart: dict[EntryId, Reason] = field(default_factory=dict)
    """Entries that stand beside the line for now, and why: a step of theirs has failed."""

    actions: list[Action] = field(default_factory=list)
    wants: list[Want] = field(default_factory=list)
    views: dict[TaskId, TaskStatus] = field(default_factory=dict)
    entries: dict[EntryId, Entry] = field(default_factory=dict)
    refused: dict[EntryId, Rejection] = field(default_factory=dict)
    stuck: dict[EntryId, Reason] = field(default_factory=dict)
    unreviewed: dict[EntryId, Reason] = field(default_factory=dict)
    """Entries that wait for a person's verdict, and why."""

    identities: dict[AgentName, Identity] = field(default_factory=dict)
    histories: dict[GateName, GateHistory] = field(default_factory=dict)
    wakes: list[float] = field(default_factory=list)
    reasons: dict[TaskId, Reason] = field(default_factory=dict)
    """Why each task is where its view says."""

    passing: set[TaskId] = field(default_factory=set)
    """Tasks whose view holds for this tick only: the next one sees what this one does, and saves that."""

    asides: dict[TaskId, list[Aside]] = field(default_factory=dict)
    """Sessions beside attempts that this tick lets go of."""

    alerts: list[Alert] = field(default_factory=list)
    """What went wrong in this tick, whenever it is seen: what was counted before is not counted again."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    mail: dict[MailId, Mail] = field(default_factory=dict)
    """Messages that are new or different after this tick."""

    mail_origins: dict[str, set[str]] = field(default_factory=dict)
    mail_times: dict[str, datetime] = field(default_factory=dict)

    missing: Mapping[CommitId, Lack] = field(default_factory=dict)
    """Commits that cannot be had: nothing can be asked of them."""

    needs_person: bool = False
    is_waiting_for_time: bool = False
    """Something goes on by itself later, so that nothing is settled yet."""

    def add(self, *actions: Action) -> None:
        self.actions.extend(actions)

    def because(self, status: TaskStatus, why: Reason, phase: Phase | None = None) -> TaskStatus:
        """Return the status in a phase for a reason, by default in the one that it is in."""
        self.reasons[status.task] = why
        return replace(status, phase=phase or status.phase, reason=why.text, waiting_for=why.waits_for)

    def reason_of(self, view: TaskStatus) -> Reason:
        """Return why a task is where it is; what nobody gave a reason for is at work."""
        why = self.reasons.get(view.task)
        if why is None and view.phase == "running" and view.last is not None:
            return reason("session", view.reason, session=view.last.session)
        return why or reason("other", view.reason, task=view.task)

    def keep_aside(self, task: TaskId | None, aside: Aside) -> None:
        """Record what a session beside a task's attempts has used."""
        if task is not None:
            self.asides.setdefault(task, []).append(aside)

    def wake_at(self, at: datetime, now: datetime) -> None:
        """Look again at an instant. What was due before was decided on now: for what comes of it nobody has to race."""
        left_s = (at - now) / timedelta(seconds=1)
        self.wakes.append(left_s if left_s > 0 else PASSED_S)

    def save_identities(self, observed: Observed) -> None:
        for name, identity in sorted(self.identities.items()):
            if observed.identities.get(name) != identity and not observed.is_broken(kinds.AGENTS.file(name)):
                self.add(Save(identity))


def _answered(session: GateSession, now: datetime) -> GateSession:
    """Return a gate's session, answered where it was lost too often: then the command itself kills it."""
    spec = session.spec
    is_answer_due = session.state == "lost" and session.evidence is None and spec.attempt + 1 >= GATE_LOST_MAX
    if not is_answer_due:
        return session
    reason = f"its processes were killed from outside, {GATE_LOST_MAX} times in a row"
    return replace(
        session,
        evidence=Evidence(
            key=spec.key,
            gate=spec.gate,
            outcome="error",
            tree=spec.tree,
            session=spec.id,
            at=now,
            reason=reason,
            command=spec.command,
            work=spec.work,
            reads=spec.reads,
        ),
    )


def session_ended(session: Session, now: datetime) -> datetime:
    return session.ended or session.last_output or now
