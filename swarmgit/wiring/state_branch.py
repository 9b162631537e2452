"""Which branch the state is on, remembered for each version of swarm.yaml; who leads renames it."""

from __future__ import annotations

from swarmgit.adapters.git import statebranch
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.desired import load
from swarmgit.documents import paths
from swarmgit.model.desired import Swarm
from swarmgit.ports.store import LiveCache

REMEMBERED = "state-branch"
DEFAULT = Swarm("").state_branch


def state_branch(objects: GitObjects, cache: LiveCache, target: str | None, *, lead: bool) -> str:
    """Return the branch that holds the state.

    That is the one that the intent on `target` names. After it was changed it is the one before, until who leads can
    rename it: where the new name is taken it stays.
    """
    blob = objects.resolve(f"{paths.branch_ref(target)}:{paths.SWARM_YAML}") if target else None
    known = (cache.read(REMEMBERED) or b"").decode("utf-8", "replace").split("\n")
    version, named, former = known if len(known) == 3 else ("", DEFAULT, DEFAULT)
    if target is not None and blob is not None and blob != version:
        named = load.state_branch(objects, target) or former
    held = statebranch.holder(objects, named, former)
    if lead and held != named and statebranch.rename(objects, held, named):
        held = named
    remembered = "\n".join((blob or version, named, held))
    if remembered != "\n".join(known):
        cache.write(REMEMBERED, remembered.encode())
    return held
