"""The whole truth at one instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import asdict, replace

from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.checkouts import HUNG_FILTER
from swarmgit.model.desired import Desired, Swarm
from swarmgit.model.ids import CommitId, EntryId, SessionId
from swarmgit.model.observed import Observed, Stored
from swarmgit.model.sessions import ProgramSession, Session, of_kind
from swarmgit.observe.hearing import Listener
from swarmgit.observe.needs import derived, kept, open_entries, stands_on
from swarmgit.observe.outboxes import OutboxReader
from swarmgit.observe.ports import PortRanges
from swarmgit.observe.pushes import RemoteWatcher
from swarmgit.observe.reach import ReachWatcher
from swarmgit.observe.sessions import SessionWatcher
from swarmgit.observe.target import TargetReader
from swarmgit.observe.vigils import VigilKeeper
from swarmgit.observe.vitals import VitalsWatcher
from swarmgit.ports.repository import Objects
from swarmgit.ports.sessions import Executor
from swarmgit.ports.world import ReadWorld
from swarmgit.state.reading import StateReader

BLOCKED_MAX, HUNG_MAX = timedelta(minutes=10), timedelta(minutes=1)
"""After that it is tried again whether an edit is still in the way, or a filter still hangs."""

LOOK = timedelta(minutes=1)
"""A look takes no longer."""

BACK_MAX = 16
"""How many commits besides the landings themselves are read for them before git is asked."""


class Observer:
    """Observes one repository again and again, reading only what has changed since.

    `writes`: who measures sessions and notes the figures for others, as one process does; None: they are read.
    """

    def __init__(self, world: ReadWorld, writes: Executor | None = None) -> None:
        self._world = world
        self._state = StateReader(world.objects, world.cache)
        self._sessions = SessionWatcher(
            world.executor,
            Listener(world.executor, world.runtimes.stream_reader, world.clock.awake_s, writes),
            world.runtimes,
        )
        self._remote = RemoteWatcher(world.objects)
        self._outboxes = OutboxReader(world.executor)
        self._vigils = VigilKeeper(world.executor, world.clock.awake_s, writes)
        self._vitals = VitalsWatcher(world, writes)
        self._ports = PortRanges(world.repository.store, world.machine.port_is_free)
        self._reach = ReachWatcher(world.runtimes, world.sandbox)
        self._target = TargetReader(world, keeps=writes is not None)
        self._stored = Stored()

    def observe(self, desired: Desired, trusted_since: datetime | None = None) -> Observed:
        """Return what is, now."""
        world = self._world
        swarm = desired.swarm
        state_head = world.state.head()
        stored = self._stored = self._state.read(state_head)
        target = world.objects.ref(paths.branch_ref(swarm.target)) if swarm else desired.commit
        now = world.clock.now()
        sessions = self._sessions.sessions(swarm)
        if swarm is not None:
            silence = timedelta(minutes=swarm.watchdog.limits.silence_minutes)
            sessions = self._vigils.kept(sessions.values(), now, silence)
            sessions = self._vitals.measured(sessions.values(), now, silence)
        blocked = self._blocked(swarm, trusted_since)
        return replace(
            _said(stored, state_head, target),
            sessions=sessions,
            outboxes=self._outboxes.outboxes(sessions.values(), now),
            evidence=world.cache.evidence(),
            **self._stands_on(stored, sessions, target, now),
            contained=self._contained(stored, target),
            target_code_tree=world.engine.code_tree(target) if target else None,
            target_gate_inputs=world.engine.gate_inputs(target, desired.gates) if target else {},
            blocked=blocked,
            index_locks=world.landing.locks(swarm.target) if swarm and ("index.lock",) in blocked.values() else (),
            behind=world.landing.behind(),
            environment=self._environment(swarm),
            trusted_since=trusted_since,
            remote=self._remote.look(swarm, target),
            leaks=world.secrets.noticed(),
            alerts=world.notices.all(),
            tries=world.failures.all(),
            damaged=frozenset(world.executor.damaged()),
            ports=self._ports.free,
            unreachable=self._reach.look(desired),
            obeyed=world.runtimes.obeyed() if _has_work(sessions.values()) else (),
            at=_after_ends(now, sessions.values()),
            landings=self._target.landings(stored, target, desired.tasks.keys()),
            drift=self._target.drift(stored, target),
            former=self._state.archive.renamed(desired, stored.statuses),
        )

    def _stands_on(
        self, stored: Stored, sessions: Mapping[SessionId, Session], target: CommitId | None, now: datetime
    ) -> dict[str, Any]:
        """Return what open work stands on, what of it cannot be had, and what was made of it and can."""
        merges = self._world.cache.merges()
        needed = stands_on(stored, sessions.values())
        wanted = needed | derived(stored, sessions.values(), merges)
        missing = self._world.engine.integrity.missing(wanted, target, now)
        unsubmitted = self._unsubmitted(stored)
        return {"needed": needed, "missing": missing, "merges": kept(merges, missing), "unsubmitted": unsubmitted}

    def _unsubmitted(self, stored: Stored) -> frozenset[EntryId]:
        """Return the open entries whose work the person's repository has no ref for."""
        refs = {paths.submitted_ref(each.task, each.session): each for each in open_entries(stored)}
        lacking = self._world.engine.unsubmitted({ref: entry.head for ref, entry in refs.items()}) if refs else ()
        return frozenset(refs[ref].id for ref in lacking)

    def _environment(self, swarm: Swarm | None) -> str:
        """Return what an answer of a gate hangs on besides its tree: this machine, and what worktrees are given."""
        config = swarm.worktree if swarm else None
        if config is None or not (config.setup or config.include):
            return self._world.machine.environment
        return f"{self._world.machine.environment} {self._world.worktrees.given(config)}"

    def _blocked(self, swarm: Swarm | None, trusted_since: datetime | None) -> dict[EntryId, tuple[str, ...]]:
        """Return the landings that an edit was in the way of, as long as that edit looks the same.

        Not every way to undo an edit shows from outside, so after a while, and by a new `reconcile`, it is tried again.
        """
        world, now = self._world, self._world.clock.now()
        return {
            entry: way.paths
            for entry, way in world.cache.blocked().items()
            if swarm is not None
            and -LOOK <= now - way.at < (HUNG_MAX if HUNG_FILTER in way.paths else BLOCKED_MAX)
            and (trusted_since is None or way.at >= trusted_since)
            and world.landing.traces(swarm.target, way.checkout, way.paths) == way.traces
        }

    def at(self, desired: Desired, state_commit: CommitId) -> Observed:
        """Return what the state branch said at one of its commits; nothing that runs now."""
        stored = self._state.read(state_commit)
        said = _said(stored, state_commit, desired.commit)
        return replace(said, remote=self._remote.look(desired.swarm, desired.commit))

    def keep(self) -> None:
        """Keep what was parsed for the next process."""
        self._state.keep(self._stored)
        self._target.keep()

    def _contained(self, stored: Stored, target: CommitId | None) -> frozenset[CommitId]:
        """Return which recorded landings the target shows. They lie close to its head, on one side or the other."""
        bases = {
            e.candidate.commit: e.candidate.base
            for e in stored.entries.values()
            if e.state == "landing" and e.candidate
        }
        if target is None or not bases:
            return frozenset()
        objects = self._world.objects
        unknown = bases.keys() - _ahead(bases, target)
        found: set[CommitId] = set()
        at: CommitId | None = target
        for _ in range(len(unknown) + BACK_MAX):
            if at is None or found == unknown:
                break
            if at in unknown:
                found.add(at)
            at = _first_parent(objects, at)
        return frozenset(found | {commit for commit in unknown - found if objects.is_ancestor(commit, target)})


def _after_ends(now: datetime, sessions: Iterable[Session]) -> datetime:
    """Return the instant of a look that began at `now`: no end that it has seen comes after it.

    A gate that ended between the clock and the look would otherwise have answered after the landing it allows. An end
    far ahead is of a clock that was set back.
    """
    ends = (session.ended for session in sessions if session.ended is not None)
    return max((end for end in ends if now < end <= now + LOOK), default=now)


def _ahead(bases: Mapping[CommitId, CommitId], target: CommitId) -> set[CommitId]:
    """Return the candidates that stand on the target, through each other: what contains it is not in it yet."""
    followers: dict[CommitId, list[CommitId]] = {}
    for commit, base in bases.items():
        followers.setdefault(base, []).append(commit)
    found: set[CommitId] = set()
    todo = [target]
    while todo:
        new = [commit for commit in followers.get(todo.pop(), ()) if commit not in found]
        found.update(new)
        todo.extend(new)
    return found


def _first_parent(objects: Objects, commit: CommitId) -> CommitId | None:
    try:
        parents = objects.commit(commit).parents
    except SwarmError:  # a shallow clone ends here
        return None
    return parents[0] if parents else None


def _said(stored: Stored, state_head: CommitId | None, target: CommitId | None) -> Observed:
    """Return what the state branch says at one commit, and nothing that runs."""
    return Observed(**asdict(stored), target_head=target, state_head=state_head)


def _has_work(sessions: Iterable[Session]) -> bool:
    return any(session.capture for session in of_kind(sessions, ProgramSession))
