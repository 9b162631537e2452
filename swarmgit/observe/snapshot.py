"""The whole truth at one instant."""

from __future__ import annotations

from datetime import datetime

from swarmgit.documents import paths
from swarmgit.model.desired import Desired
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Observed
from swarmgit.observe.sessions import SessionWatcher
from swarmgit.observe.state import StateReader, Stored
from swarmgit.ports import World


class Observer:
    """Observes one repository again and again, reading only what has changed since."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state = StateReader(world.objects, world.cache)
        self._sessions = SessionWatcher(world.executor, world.stream_reader)
        self._stored = Stored()

    def observe(self, desired: Desired, trusted_since: datetime | None = None) -> Observed:
        """Return what is, now."""
        world = self._world
        swarm = desired.swarm
        state_head = world.state.head()
        stored = self._stored = self._state.read(state_head)
        target = world.objects.ref(paths.branch_ref(swarm.target)) if swarm else desired.commit
        adapters = {name: runtime.adapter for name, runtime in swarm.runtimes.items()} if swarm else {}
        return Observed(
            target_head=target,
            state_head=state_head,
            statuses=stored.statuses,
            archived=stored.archived,
            entries=stored.entries,
            identities=stored.identities,
            gate_histories=stored.gate_histories,
            controls=stored.controls,
            freeze=stored.freeze,
            queue_control=stored.queue_control,
            entry_controls=stored.entry_controls,
            sessions=self._sessions.sessions(adapters),
            evidence=world.cache.evidence(),
            merges=world.cache.merges(),
            contained=self._contained(stored, target),
            target_code_tree=world.engine.code_tree(target) if target else None,
            target_gate_inputs=world.engine.gate_inputs(target, desired.gates) if target else {},
            blocked=world.cache.blocked(),
            problems=stored.problems,
            unreadable=stored.unreadable,
            environment=world.environment,
            trusted_since=trusted_since,
        )

    def at(self, desired: Desired, state_commit: CommitId) -> Observed:
        """Return what the state branch said at one of its commits; nothing that runs now."""
        stored = self._state.read(state_commit)
        return Observed(
            target_head=desired.commit,
            state_head=state_commit,
            statuses=stored.statuses,
            archived=stored.archived,
            entries=stored.entries,
            identities=stored.identities,
            gate_histories=stored.gate_histories,
            controls=stored.controls,
            freeze=stored.freeze,
            queue_control=stored.queue_control,
            entry_controls=stored.entry_controls,
            problems=stored.problems,
            unreadable=stored.unreadable,
        )

    def keep(self) -> None:
        """Keep what was parsed for the next process."""
        self._state.keep(self._stored)

    def _contained(self, stored: Stored, target: CommitId | None) -> frozenset[CommitId]:
        candidates = [e.candidate.commit for e in stored.entries.values() if e.state == "landing" and e.candidate]
        if target is None:
            return frozenset()
        return frozenset(commit for commit in candidates if self._world.objects.is_ancestor(commit, target))
