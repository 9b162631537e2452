"""What is left of a session that nothing is known of: its processes are ended, its worktree is saved and given back."""

from __future__ import annotations

from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.failures import Rescue
from swarmgit.model.git import Identity
from swarmgit.model.ids import CommitId, SessionId
from swarmgit.model.incidents import Alert, facts
from swarmgit.model.outcomes import Done, Outcome, Underway
from swarmgit.ports.world import World

AUTHOR = Identity("unknown", "unknown@agents.swarmgit.invalid")


def rescue(action: Rescue, world: World) -> Outcome:
    """End a session's processes, save its worktree, and forget it: then nothing of it runs while the task goes on.

    In the background: what is in the worktree decides how long it takes.
    """

    def end() -> Done:
        save(action.session, world)
        world.executor.forget(action.session)
        return Done(action)

    return world.background.run(f"rescue {action.session}", "rescue", end) or Underway(action)


def save(session: SessionId, world: World) -> None:
    """Give back a worktree whose session is not known; whatever was changed in it is saved first, by nobody's hand."""
    world.executor.end(session)
    if world.worktrees.path(session) is None:
        return
    at = world.clock.now().replace(microsecond=0)
    message = "Work found in a worktree without a session"
    try:
        capture = world.worktrees.capture(session, message, AUTHOR, at)
        is_changed = bool(capture.changes)
    except SwarmError:  # its base may be gone; the files are not, and nobody knows which of them are new
        capture, is_changed = world.worktrees.rescue(session, message, AUTHOR, at), True
    ref = paths.orphan_ref(session) if is_changed else None
    if ref is not None:
        world.engine.salvage(ref, capture.commit)
    world.notices.add(_orphan(session, ref, capture.base))
    world.worktrees.release(session)


def _orphan(session: SessionId, ref: str | None, base: CommitId) -> Alert:
    """Return what is said of a worktree without a session; `ref`: where the work that was in it is."""
    found = f"what was changed in it is saved as {ref}" if ref else "nothing was changed in it"
    return Alert("worktree/orphan", session=session, facts=facts(found=found, base=base[:12], ref=ref))
