"""One tick: load what is desired, observe, plan, act, record (DESIGN §4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit import act
from swarmgit.act.failing import failed
from swarmgit.app.beside import Beside
from swarmgit.app.recovery import restore_state
from swarmgit.app.worker import Left
from swarmgit.documents import paths
from swarmgit.model.actions import (
    Action,
    DeliverMail,
    FollowRemote,
    Land,
    Plan,
    Retire,
    RunGate,
    Salvage,
    StartPush,
    StartSession,
    StateChange,
    TakeMail,
)
from swarmgit.model.desired import Desired
from swarmgit.model.failures import ForgetTries, Rescue, Try
from swarmgit.model.ids import CommitId, SessionId, TaskId
from swarmgit.model.incidents import ForgetAlerts
from swarmgit.model.observed import Observed
from swarmgit.model.outcomes import Done, Failed, Outcome, Underway
from swarmgit.model.pins import Submit, Unpin
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.model.steps import owned_step, with_task
from swarmgit.observe.snapshot import Observer
from swarmgit.plan import plan
from swarmgit.ports.machine import Doorbell
from swarmgit.ports.world import ReadWorld, World
from swarmgit.state import commits

LETTING_GO = (DeliverMail, TakeMail, Retire, Unpin, FollowRemote, ForgetLeaks, ForgetAlerts, ForgetTries)
"""What comes after the record: a message is delivered, its letter removed, what others pushed followed, once it is in
state."""

STARTING = (StartSession, RunGate, StartPush)
BROUGHT = (Salvage, Rescue, Submit, Land)
"""What brings work into the person's repository: what is recorded next hangs on it."""

LOOKS_MAX = 3
STARTERS = 4
"""Worktrees are filled side by side: most of a start is git writing files."""


class _Parts(Struct, frozen=True):
    """A plan's actions in the order of a tick: effects, what is recorded of them, what comes after the record."""

    effects: tuple[Action, ...]
    saves: tuple[StateChange, ...]
    let_go: tuple[Action, ...]
    starts: tuple[Action, ...]


class Ticked(Struct, frozen=True):
    """What one tick saw, decided and did. `commit` is its state commit, None when there was nothing to write."""

    desired: Desired
    observed: Observed
    plan: Plan
    outcomes: tuple[Outcome, ...]
    commit: CommitId | None
    now: datetime


class Ticker(Struct):
    """The tick and what it keeps between ticks: only caches, nothing that a new process could not find out again."""

    world: World
    load: Callable[[], Desired]
    observer: Observer
    only: frozenset[TaskId] = frozenset()
    apply_now: bool = False
    is_waited_for: bool = False
    is_only: bool = False
    """No other tick follows this one."""

    trusted_since: datetime | None = None
    leaving: threading.Event = field(default_factory=threading.Event)
    beside: Beside = field(default_factory=Beside)

    def tick(self) -> Ticked:
        """Do one tick.

        What is let go of was recorded before: a session without a folder and without a record would be lost work.
        Where a task's work could not be saved, it is planned again without that task: nothing of it is recorded or let
        go of, and no session starts over it. All the others go on.
        """
        world = self.world
        desired, observed = self._look()
        self.beside.do(world, "checkouts of the target", lambda: world.landing.catch_up(world.clock.now()))
        now = observed.at or world.clock.now()  # a machine may have slept since: that is for the next look to see
        decided = self._plan(desired, observed, now)
        outcomes = self._ended(self._execute(_parts(decided).effects, desired), desired, BROUGHT)
        self._note(outcomes, observed)
        unsaved = commits.unsaved(outcomes)
        if unsaved:
            decided = self._plan(desired, observed, now, unsaved)
        parts = _parts(decided)
        outcomes += self._execute(parts.saves, desired)
        commit, refused = self._record(outcomes, observed, now)
        lost = _owners((each.action for each in refused), observed)
        after = [*refused, *self._execute(_of_others(parts.let_go, lost, observed), desired)]
        after += self._start(_of_others(parts.starts, lost, observed), desired)
        self._note(after, observed)
        outcomes += after
        self.beside.do(world, "copies of what open work stands on", lambda: self._keep(observed, parts.starts))
        return Ticked(desired, observed, decided, tuple(outcomes), commit, now)

    def _plan(self, desired: Desired, observed: Observed, now: datetime, held: frozenset[TaskId] = frozenset()) -> Plan:
        return plan(desired, observed, now, self.only, apply_now=self.apply_now, held=held)

    def _keep(self, observed: Observed, starts: Sequence[Action]) -> None:
        """Have copies of what open work stands on, and of the target that it is merged with: after what is urgent."""
        begun = {action.spec.base for action in starts if isinstance(action, StartSession)}
        needed = observed.needed | begun
        head = observed.target_head
        self.world.engine.integrity.keep(needed | {head} if needed and head is not None else needed)

    def _record(
        self, outcomes: Sequence[Outcome], observed: Observed, now: datetime
    ) -> tuple[CommitId | None, list[Failed]]:
        """Write down what happened, and return the saves that could not be put into words."""
        world = self.world
        refused: list[Failed] = []
        world.fault("record")
        commit = commits.commit(
            outcomes,
            world.state,
            self._reader(observed),
            now,
            lambda save, error: refused.append(failed(save, error, world)),
        )
        world.fault("recorded")
        return commit, refused

    def _note(self, outcomes: Sequence[Outcome], observed: Observed) -> None:
        """Keep for the next look what failed, and what had failed before and has worked now."""
        known = {each.step.key for failures in observed.failures.values() for each in failures.steps}
        for outcome in outcomes:
            if isinstance(outcome, Failed) and outcome.step is not None:
                step = with_task(outcome.step, observed.entries, observed.sessions)
                words = (outcome.signature, outcome.message, outcome.hint)
                self.world.failures.note(Try(step, self.world.clock.now(), *words))
            elif known and isinstance(outcome, Done):
                step = owned_step(outcome.action, observed.entries, observed.sessions)
                if step.key in known:
                    self.world.failures.note(Try(step, self.world.clock.now()))

    def _look(self) -> tuple[Desired, Observed]:
        """Return intent and world of the same commit: a landing is judged by the gates of the head that it moves."""
        desired = self.load()
        observed = self._observe(desired)
        for _ in range(LOOKS_MAX):
            if desired.swarm is None or observed.target_head == desired.commit:
                break
            desired = self.load()
            observed = self._observe(desired)
        return desired, observed

    def _observe(self, desired: Desired) -> Observed:
        """Return what is. A state branch that was lost under our hands is put back before anybody decides."""
        restore_state(self.world)
        return replace(self.observer.observe(desired, self.trusted_since), is_waited_for=self.is_waited_for)

    def _execute(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        return [outcome for action in actions for outcome in self._do(action, desired)]

    def _do(self, action: Action, desired: Desired) -> tuple[Outcome, ...]:
        if self.leaving.is_set():
            raise Left
        return act.execute(action, self.world, desired.policy)

    def _start(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        """Start what starts, once the worktrees that were let go of can be used again."""
        return self._ended(self._side_by_side(actions, desired), desired, STARTING)

    def _ended(self, done: list[Outcome], desired: Desired, kinds: tuple[type[Action], ...]) -> list[Outcome]:
        """Return what came of actions. Where no other tick follows, what is under way of these kinds is waited for."""
        again = [each for each in done if isinstance(each, Underway) and isinstance(each.action, kinds)]
        if not self.is_only or not again:
            return done
        self.world.background.wait()
        return [*(each for each in done if each not in again), *self._execute([e.action for e in again], desired)]

    def _side_by_side(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        if len(actions) < 2:
            return self._execute(actions, desired)
        with ThreadPoolExecutor(STARTERS) as pool:
            done = pool.map(lambda action: self._do(action, desired), actions)
            return [outcome for outcomes in done for outcome in outcomes]

    def _reader(self, observed: Observed) -> Callable[[str], bytes | None]:
        def read(path: str) -> bytes | None:
            if observed.state_head is None:
                return None
            oid = self.world.objects.resolve(f"{observed.state_head}:{path}")
            return self.world.objects.blob(oid) if oid else None

        return read


def _parts(decided: Plan) -> _Parts:
    actions = decided.actions
    return _Parts(
        effects=tuple(a for a in actions if not isinstance(a, (*LETTING_GO, *STARTING, StateChange))),
        saves=tuple(a for a in actions if isinstance(a, StateChange)),
        let_go=tuple(a for a in actions if isinstance(a, LETTING_GO)),
        starts=tuple(a for a in actions if isinstance(a, STARTING)),
    )


def _of_others(actions: Sequence[Action], tasks: AbstractSet[TaskId], observed: Observed) -> list[Action]:
    """Return the actions that are of none of these tasks."""
    return [action for action in actions if not tasks or not _owners([action], observed) & tasks]


def _owners(actions: Iterable[Action], observed: Observed) -> set[TaskId]:
    """Return the tasks whose steps these actions are."""
    steps = (owned_step(action, observed.entries, observed.sessions) for action in actions)
    return {step.task for step in steps if step.task is not None}


def listen(world: ReadWorld, done: Ticked, bell: Doorbell, before: AbstractSet[SessionId]) -> frozenset[SessionId]:
    """Let the outboxes of exactly the agents at work ring, and return whose these are. `before`: whose did."""
    started = (
        each.action.spec for each in done.outcomes if isinstance(each, Done) and isinstance(each.action, StartSession)
    )
    running = (session.spec for session in done.observed.sessions.values() if not session.is_over)
    wanted = frozenset(spec.id for spec in (*running, *started) if spec.kind == "agent")
    for ids, change in ((before - wanted, bell.unwatch), (wanted - before, bell.watch)):
        for id_ in ids:
            change(world.executor.folder(id_) / paths.OUTBOX)
    return wanted
