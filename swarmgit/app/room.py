"""Is there room in the repository for what swarmgit keeps there? Asked before anything is started or written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, StateTaken, SwarmError
from swarmgit.model.desired import Desired, Problem
from swarmgit.ports.world import ReadWorld

OWN = "refs/swarm"
FOLDERS = (
    OWN,
    paths.CANDIDATE,
    paths.SALVAGE,
    paths.CAPTURED,
    paths.REMOTE,
    paths.TRANSCRIPTS,
    paths.ABANDONED,
)
"""Folders of refs: git can have no ref of the same name."""


class NoRoom(Struct, frozen=True):
    """A ref that git cannot have beside ours, and the command that moves it away. Nothing of it is lost."""

    ref: str
    message: str
    repair: str


def no_room(world: ReadWorld) -> tuple[NoRoom, ...]:
    """Return the person's refs that leave no room for ours."""
    return (*for_state(world, world.repository.state_branch), *for_own(world))


def require_room(world: ReadWorld) -> None:
    """Raise PersonMustAct where a ref of the person's leaves no room for ours."""
    for found in no_room(world):
        raise PersonMustAct(found.message, found.repair)


def for_state(world: ReadWorld, branch: str) -> Iterator[NoRoom]:
    """Yield the person's branches that leave no room for state on `branch`, also where it is on another one now."""
    state, present = paths.branch_ref(branch), paths.branch_ref(world.repository.state_branch)
    parts = state.split("/")
    above = {"/".join(parts[:count]) for count in range(3, len(parts))}
    for ref in world.objects.refs(f"{parts[0]}/{parts[1]}/{parts[2]}"):
        if ref != present and (ref in above or ref == state or ref.startswith(f"{state}/")):
            name = ref.removeprefix("refs/heads/")
            message = f"the branch {name} leaves no room for the branch {branch}, where swarmgit keeps state"
            if ref == state:
                message = (
                    f"the branch {name} is there already, so swarmgit's state stays on {world.repository.state_branch}"
                )
            yield NoRoom(ref, message, f"git branch -m {name} {name.replace('/', '-')}-mine")
    if state == present:
        try:
            world.state.head()
        except StateTaken as error:
            yield NoRoom(state, error.message, str(error.hint))
        except SwarmError:  # another's to tell
            return


def state_problems(world: ReadWorld, desired: Desired, read: Callable[[str], bytes]) -> tuple[Problem, ...]:
    """Return why state cannot be kept on the branch that swarm.yaml names, at the place where it does.

    `read`: returns a file's content by its path from the repository's root.
    """
    if desired.swarm is None:
        return ()
    refused = tuple(for_state(world, desired.swarm.state_branch))
    if not refused:
        return ()
    from swarmgit.documents import places

    node, _ = places.read(paths.SWARM_YAML, read(paths.SWARM_YAML))
    place = node.at(("state", "branch")) if node else (0, 0)
    return tuple(
        Problem(paths.SWARM_YAML, *place, f"{each.message}; name another one, or move it: {each.repair}")
        for each in refused
    )


def for_own(world: ReadWorld) -> Iterator[NoRoom]:
    for ref, commit in world.objects.refs(OWN).items():
        if ref in FOLDERS:
            aside = f"refs/mine/{ref.removeprefix('refs/').replace('/', '-')}"
            message = f"the ref {ref} leaves no room for the refs below {ref}/, where swarmgit keeps work"
            yield NoRoom(ref, message, f"git update-ref {aside} {commit} && git update-ref -d {ref}")
