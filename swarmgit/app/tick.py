"""One tick: load what is desired, observe, plan, act, record (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct

from swarmgit import act, record
from swarmgit.app.recovery import restore_state
from swarmgit.model.actions import (
    Action,
    DeliverMail,
    FollowRemote,
    Plan,
    Retire,
    RunGate,
    StartPush,
    StartSession,
    TakeMail,
    Unpin,
)
from swarmgit.model.desired import Desired
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.incidents import ForgetReports
from swarmgit.model.observed import Observed
from swarmgit.model.outcomes import Outcome
from swarmgit.model.secrets import ForgetLeaks
from swarmgit.observe.snapshot import Observer
from swarmgit.plan import plan
from swarmgit.ports import World

LETTING_GO = (DeliverMail, TakeMail, Retire, Unpin, FollowRemote, ForgetLeaks, ForgetReports)
"""What comes after the record: a message is delivered, its letter removed, what others pushed followed, once it is in
state."""

STARTING = (StartSession, RunGate, StartPush)
LOOKS_MAX = 3
STARTERS = 4
"""Worktrees are filled side by side: most of a start is git writing files."""


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
    trusted_since: datetime | None = None

    def tick(self) -> Ticked:
        """Do one tick.

        What is let go of was recorded before: a session without a folder and without a record would be lost work.
        Where work could not be saved, the tick ends there: nothing is let go of, and no session starts over it.
        """
        world = self.world
        desired, observed = self._look()
        now = observed.at or world.clock.now()  # a machine may have slept since: that is for the next look to see
        decided = plan(desired, observed, now, self.only, apply_now=self.apply_now)
        let_go = [action for action in decided.actions if isinstance(action, LETTING_GO)]
        starts = [action for action in decided.actions if isinstance(action, STARTING)]
        others = [action for action in decided.actions if not isinstance(action, (*LETTING_GO, *STARTING))]
        outcomes = self._execute(others, desired)
        world.fault("record")
        commit = record.commit(outcomes, world.state, self._reader(observed), now)
        world.fault("recorded")
        if not record.has_unsaved_work(outcomes):
            outcomes += self._execute(let_go, desired)
            outcomes += self._start(starts, desired)
        return Ticked(desired, observed, decided, tuple(outcomes), commit, now)

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
        return self.observer.observe(desired, self.trusted_since)

    def _execute(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        return [act.execute(action, self.world, desired.policy) for action in actions]

    def _start(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        """Start what starts, side by side, once the worktrees that were let go of can be used again."""
        if len(actions) < 2:
            return self._execute(actions, desired)
        with ThreadPoolExecutor(STARTERS) as pool:
            return list(pool.map(lambda action: act.execute(action, self.world, desired.policy), actions))

    def _reader(self, observed: Observed) -> Callable[[str], bytes | None]:
        def read(path: str) -> bytes | None:
            if observed.state_head is None:
                return None
            oid = self.world.objects.resolve(f"{observed.state_head}:{path}")
            return self.world.objects.blob(oid) if oid else None

        return read
