"""Pushing: a session that asks the remote, and the target that follows what somebody else has pushed."""

from __future__ import annotations

from swarmgit.act.landing import block, publish, unblock
from swarmgit.errors import PersonMustAct
from swarmgit.model.actions import FollowRemote, StartPush
from swarmgit.model.jobs import StartSpec
from swarmgit.model.landings import InTheWay
from swarmgit.model.outcomes import Done, Outcome, Underway
from swarmgit.ports.world import World


def start(action: StartPush, world: World) -> Outcome:
    """Start a push of one commit, whose objects are here first; a start that cannot be is a session that says so."""
    spec = action.spec
    if action.entry is not None:
        if not publish(action.entry, spec.push.new, action.target_head, (), world):
            return Underway(action)
        world.fault("push: published")
    command = world.person.push_command(spec.push)
    env = {**command.env, "SWARM_SESSION": spec.id}
    try:
        world.executor.start(StartSpec(spec, command.argv, str(world.repository.common_dir), env))
    except PersonMustAct as error:
        world.executor.refuse(spec, error.message)
    return Done(action)


def follow(action: FollowRemote, world: World) -> Outcome:
    """Move the target to what was fetched. That it was is recorded already."""
    result = world.landing.follow(action.target, action.old, action.new)
    if isinstance(result, InTheWay):
        return block(action.entries, action.target, result, world)
    return unblock(action, action.entries, world)
