"""Which branch holds the state: the one that the intent names, or, until that is renamed, the one before."""

from __future__ import annotations

from swarmgit.adapters.git.loose import SWARMGIT_IDENTITY
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.run import SWARMGIT
from swarmgit.documents.paths import KEPT_STATE, branch_ref
from swarmgit.errors import SwarmError, TryLater
from swarmgit.model.ids import CommitId
from swarmgit.state import kinds

LOOKED_BACK = 20
"""Among so many commits of a state branch, the newest first, one is swarmgit's: people seldom write there."""


def holder(objects: GitObjects, named: str, former: str) -> str:
    """Return the branch that holds the state: `former` as long as it is there and `named` does not continue it."""
    before = _at(objects, branch_ref(former)) if named != former else None
    if before is None or not is_state(objects, before):
        return named
    kept, head = _at(objects, KEPT_STATE), _at(objects, branch_ref(named))
    continues = kept is not None and head is not None and objects.is_ancestor(kept, head)
    return named if continues else former


def rename(objects: GitObjects, former: str, named: str) -> bool:
    """Rename a branch with its reflog and the checkouts that show it; False where git does not, and nothing changed."""
    return objects.git.call("branch", "-m", former, named, env=SWARMGIT).returncode == 0


def is_state(objects: GitObjects, head: CommitId) -> bool:
    """Return whether a branch is swarmgit's own, perhaps rewritten by a person; so is one that cannot be read."""
    try:
        line = [objects.commit(each) for each in objects.line(head, LOOKED_BACK)]
        is_ours = any(each.author_email == SWARMGIT_IDENTITY.email for each in line)
        return is_ours or any(entry.name == kinds.ENTRIES.place for entry in objects.tree(objects.commit(head).tree))
    except (SwarmError, ValueError):
        return True


def _at(objects: GitObjects, ref: str) -> CommitId | None:
    try:
        return objects.ref(ref)
    except TryLater:  # a damaged object ends git's answer
        return None
