"""What a new reconciler does before its first look: finish or undo what a killed one left, and never start blank."""

from __future__ import annotations

from contextlib import suppress

from swarmgit.act import failing, rescue
from swarmgit.errors import SwarmError
from swarmgit.model.ids import SessionId
from swarmgit.model.incidents import Alert, facts
from swarmgit.ports.world import World


def heal(world: World) -> None:
    """Heal landings and the state checkout, give back worktrees without a session, restore a lost state branch."""
    target = world.repository.target
    if target is not None:
        world.landing.heal(target)
    with suppress(SwarmError, OSError):  # what it leaves, doctor names
        world.engine.upkeep.heal()
    restore_state(world)
    with suppress(SwarmError, OSError):  # they are for people; the ticks try again, and tell
        world.state.link_run()
        world.state.sync_checkout(wait=False)
    live = world.executor.poll()
    for session in world.worktrees.leases():
        if session not in live:
            _save_orphan(world, session)


def restore_state(world: World) -> None:
    """Put a lost state branch back, and tell of it."""
    put_back = world.state.put_back()
    if put_back is not None:
        world.notices.add(Alert("state/put-back", facts=facts(commit=put_back.commit, reason=put_back.why)))


def _save_orphan(world: World, session: SessionId) -> None:
    """Give back a worktree whose session folder is not there; whatever was changed in it is saved first.

    One that resists stays as it is and is told of; all others are looked after.
    """
    try:
        rescue.save(session, world)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  the boundary of one worktree
        message, _, _ = failing.words("salvage", error, world)
        with suppress(OSError):
            known = facts(reason=message, place=world.worktrees.path(session))
            world.notices.add(Alert("worktree/unsaved", session=session, facts=known))
