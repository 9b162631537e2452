"""One tick: load what is desired, observe, plan, act, record (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from swarmgit import act, record
from swarmgit.model.actions import Action, Plan, Retire, RunGate, Save, StartSession, Unpin
from swarmgit.model.desired import Desired
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.observed import Observed
from swarmgit.model.outcomes import Outcome
from swarmgit.observe.snapshot import Observer
from swarmgit.plan import plan
from swarmgit.ports import World

STARTERS = 4
"""Worktrees are filled side by side: most of a start is git writing files."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick saw, decided and did. `commit` is its state commit, None when there was nothing to write."""

    desired: Desired
    observed: Observed
    plan: Plan
    outcomes: tuple[Outcome, ...]
    commit: CommitId | None
    now: datetime


@dataclass(slots=True)
class Ticker:
    """The tick and what it keeps between ticks: only caches, nothing that a new process could not find out again."""

    world: World
    load: Callable[[], Desired]
    observer: Observer
    only: frozenset[TaskId] = frozenset()
    apply_now: bool = False
    trusted_since: datetime | None = None

    def tick(self) -> Ticked:
        world = self.world
        desired = self.load()
        observed = self.observer.observe(desired, self.trusted_since)
        now = world.clock.now()
        decided = plan(desired, observed, now, self.only, apply_now=self.apply_now)
        outcomes = self._execute(decided.actions, desired)
        world.fault("record")
        commit = record.commit(outcomes, world.state, self._reader(observed), now)
        world.fault("recorded")
        outcomes += self._let_go(decided.actions, desired)
        return Ticked(desired, observed, decided, tuple(outcomes), commit, now)

    def _execute(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        """Do everything but the letting go, which has to wait until the state has recorded what is let go of."""
        starts = [action for action in actions if isinstance(action, StartSession | RunGate)]
        others = [
            action for action in actions if not isinstance(action, StartSession | RunGate | Retire | Unpin | Save)
        ]
        saves = [action for action in actions if isinstance(action, Save)]
        outcomes = [act.execute(action, self.world, desired.policy) for action in others]
        if len(starts) > 1:
            with ThreadPoolExecutor(STARTERS) as pool:
                outcomes += pool.map(lambda action: act.execute(action, self.world, desired.policy), starts)
        else:
            outcomes += [act.execute(action, self.world, desired.policy) for action in starts]
        return outcomes + [act.execute(save, self.world, desired.policy) for save in saves]

    def _let_go(self, actions: Sequence[Action], desired: Desired) -> list[Outcome]:
        return [
            act.execute(action, self.world, desired.policy) for action in actions if isinstance(action, Retire | Unpin)
        ]

    def _reader(self, observed: Observed) -> Callable[[str], bytes | None]:
        def read(path: str) -> bytes | None:
            if observed.state_head is None:
                return None
            oid = self.world.objects.resolve(f"{observed.state_head}:{path}")
            return self.world.objects.blob(oid) if oid else None

        return read
