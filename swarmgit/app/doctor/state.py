"""Checks of the state branch and of its checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from swarmgit.app.doctor.report import Facts, Finding
from swarmgit.app.fsck.ledger import read_ledger
from swarmgit.app.room import for_state
from swarmgit.documents import paths
from swarmgit.ports.world import ReadWorld, World

SHOWN_FILES_MAX = 300


def state(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """The state branch is there and can be read."""
    swarm, branch = facts.seen.desired.swarm, world.repository.state_branch
    if swarm is not None and swarm.state_branch != branch and not tuple(for_state(world, swarm.state_branch)):
        words = f"the state is still on branch {branch}; the next reconcile renames it to {swarm.state_branch}"
        yield Finding("state", "warn", words, "swarmgit reconcile, after one that still runs has ended")
    head = world.state.head()
    if head is None and world.objects.ref(paths.KEPT_STATE) is not None:
        words = "the state branch is gone; its last commit is kept"
        yield Finding("state", "fail", words, "swarmgit reconcile puts it back")
        return
    if head is None:
        yield Finding("state", "ok", "the state branch is not there yet; the first reconcile makes it")
        return
    broken = [violation.message for violation in read_ledger(world).violations]
    for message in broken:
        mend = f"git log -p {branch} shows what changed it; swarmgit state reset kept takes it back"
        yield Finding("state", "fail", message, mend)
    if not broken:
        yield Finding("state", "ok", f"the state branch is readable: {branch}, at {head[:10]}")


def checkout(world: ReadWorld, _facts: Facts) -> Iterator[Finding]:
    """The state branch is shown in the working tree."""
    head = world.state.head()
    if head is None:
        return
    top = world.repository.top
    if top is None:
        yield Finding("checkout", "ok", "there is no working tree to show the state branch in")
        return

    def show(world: World) -> str:
        world.state.sync_checkout(wait=True)
        return f"{paths.STATE_CHECKOUT} shows the state branch again"

    if world.objects.ref(paths.branch_ref(world.repository.state_branch)) is None:
        yield Finding("checkout", "ok", "the state branch is a remote's; the first state commit here makes one to show")
        return
    folder = top / paths.STATE_CHECKOUT
    if not folder.is_dir():
        repair = "swarmgit reconcile checks it out again"
        yield Finding("checkout", "warn", f"{paths.STATE_CHECKOUT} is missing", repair, show)
        return
    files = sorted(world.objects.walk(world.objects.commit(head).tree).items())[:SHOWN_FILES_MAX]
    stale = [path for path, entry in files if _differs(folder / path, world.objects.blob(entry.oid))]
    if stale:
        message = f"{paths.STATE_CHECKOUT} is behind the state branch, first in {stale[0]}"
        yield Finding("checkout", "warn", message, "swarmgit reconcile brings it along", show)
    else:
        yield Finding("checkout", "ok", f"{paths.STATE_CHECKOUT} shows the state branch")


def _differs(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() != content
    except OSError:
        return True
