"""A look at a worktree that somebody works in: what of it would conflict with the target, and what it is so far."""

from __future__ import annotations

from contextlib import suppress

from swarmgit.documents import paths
from swarmgit.documents.as_json import to_json
from swarmgit.errors import SwarmError
from swarmgit.model.actions import Predict
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.outcomes import Done, Outcome, Underway
from swarmgit.model.work import Capture, Prediction
from swarmgit.ports.world import World


def predict(action: Predict, world: World) -> Outcome:
    """Look at a worktree, in the background."""
    looked = world.background.run(action.session, ("look", action.onto), lambda: _predict(action, world))
    return looked or Underway(action)


def _predict(action: Predict, world: World) -> Done:
    """Merge what a session has so far with the target, in memory, and leave the answer in its folder.

    The worktree changes under our hands; where it cannot be read now, the answer is that nothing is known.
    """
    found: tuple[str, ...] = ()
    if world.worktrees.path(action.session) is None:
        return Done(action)
    try:
        so_far = world.worktrees.look(action.session)
        if so_far.changes:
            tried = world.engine.merge(action.onto, so_far.commit, "a look ahead", (), "merge", action.merge)
            found = tried.conflicts
    except (SwarmError, OSError):
        found = ()
    answer = Prediction(action.onto, found, world.clock.now())
    world.executor.write(action.session, paths.PREDICTION_FILE, to_json(answer))
    return Done(action)


def work_of(watched: SessionId, world: World) -> Capture | None:
    """Return what a session has so far, None where that cannot be known now."""
    with suppress(SwarmError, OSError):
        if world.worktrees.path(watched) is not None:
            return world.worktrees.look(watched)
    return None


def show_work(session: SessionId, base: CommitId, so_far: Capture, world: World) -> None:
    """Put what a session has so far into another one's worktree, as uncommitted changes; nothing where it cannot be."""
    with suppress(SwarmError, OSError):
        world.worktrees.carry(session, base, so_far.commit, [change.path for change in so_far.changes])
