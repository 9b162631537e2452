"""Is there room in the repository for what swarmgit keeps there? Asked before anything is started or written."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct
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
    return (*_for_state(world), *_for_own(world))


def require_room(world: ReadWorld) -> None:
    """Raise PersonMustAct where a ref of the person's leaves no room for ours."""
    for found in no_room(world):
        raise PersonMustAct(found.message, found.repair)


def _for_state(world: ReadWorld) -> Iterator[NoRoom]:
    branch = world.repository.state_branch
    state = paths.branch_ref(branch)
    parts = state.split("/")
    above = {"/".join(parts[:count]) for count in range(3, len(parts))}
    for ref in world.objects.refs(f"{parts[0]}/{parts[1]}/{parts[2]}"):
        if ref in above or ref.startswith(f"{state}/"):
            name = ref.removeprefix("refs/heads/")
            message = f"the branch {name} leaves no room for the branch {branch}, where swarmgit keeps state"
            yield NoRoom(ref, message, f"git branch -m {name} {name.replace('/', '-')}-mine")


def _for_own(world: ReadWorld) -> Iterator[NoRoom]:
    for ref, commit in world.objects.refs(OWN).items():
        if ref in FOLDERS:
            aside = f"refs/mine/{ref.removeprefix('refs/').replace('/', '-')}"
            message = f"the ref {ref} leaves no room for the refs below {ref}/, where swarmgit keeps work"
            yield NoRoom(ref, message, f"git update-ref {aside} {commit} && git update-ref -d {ref}")
