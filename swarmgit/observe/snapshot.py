"""The whole truth at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.desired import Desired
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Observed
from swarmgit.observe.sessions import SessionWatcher
from swarmgit.observe.state import StateReader, Stored
from swarmgit.ports import Objects, World

BACK_MAX = 16
"""How many commits besides the landings themselves are read for them before git is asked."""


class Observer:
    """Observes one repository again and again, reading only what has changed since."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state = StateReader(world.objects, world.cache)
        self._sessions = SessionWatcher(world.executor, world.stream_reader, world.price)
        self._stored = Stored()

    def observe(self, desired: Desired, trusted_since: datetime | None = None) -> Observed:
        """Return what is, now."""
        world = self._world
        swarm = desired.swarm
        state_head = world.state.head()
        stored = self._stored = self._state.read(state_head)
        target = world.objects.ref(paths.branch_ref(swarm.target)) if swarm else desired.commit
        adapters = {name: runtime.adapter for name, runtime in swarm.runtimes.items()} if swarm else {}
        return replace(
            _said(stored, state_head, target),
            sessions=self._sessions.sessions(adapters, swarm.prices if swarm else {}),
            evidence=world.cache.evidence(),
            merges=world.cache.merges(),
            contained=self._contained(stored, target),
            target_code_tree=world.engine.code_tree(target) if target else None,
            target_gate_inputs=world.engine.gate_inputs(target, desired.gates) if target else {},
            blocked=world.cache.blocked(),
            environment=world.environment,
            trusted_since=trusted_since,
        )

    def at(self, desired: Desired, state_commit: CommitId) -> Observed:
        """Return what the state branch said at one of its commits; nothing that runs now."""
        stored = self._state.read(state_commit)
        return _said(stored, state_commit, desired.commit)

    def keep(self) -> None:
        """Keep what was parsed for the next process."""
        self._state.keep(self._stored)

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
        problems=stored.problems,
        unreadable=stored.unreadable,
    )
