"""Moving the state branch on purpose: back to what was kept, on from what is there, to an earlier commit, or anew."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.app.revisions import state_commit
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.ids import CommitId
from swarmgit.ports.world import ReadWorld, World

CHOICES = ("kept", "present", "empty")


class Reset(Struct, frozen=True):
    """`commit`: where the branch is now, None where it begins anew. `put_aside`: refs of what it was before."""

    commit: CommitId | None
    put_aside: tuple[str, ...]


def reset(world: World, to: str) -> Reset:
    """Move the state branch; PersonMustAct while a reconcile leads, unless what is there is no state to act on."""
    before = set(world.objects.refs(f"{paths.KEPT}/states/"))
    goal = _goal(world, to)
    _refuse_while_led(world)
    commit = world.state.reset(goal)
    world.state.sync_checkout(wait=True)
    after = set(world.objects.refs(f"{paths.KEPT}/states/"))
    return Reset(commit, tuple(sorted(after - before)))


def _goal(world: ReadWorld, to: str) -> CommitId:
    return CommitId(to) if to in CHOICES else state_commit(world, to)


def _refuse_while_led(world: World) -> None:
    """Raise where a reconcile goes on from the branch as it is; one that the branch stops does nothing meanwhile."""
    try:
        world.state.head()
    except SwarmError:
        return
    try:
        world.lock.acquire()
    except SwarmError as error:
        raise PersonMustAct(f"the state branch is in use: {error.message}", "end that reconcile first") from error
