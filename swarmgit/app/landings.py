"""What a person says of landings: that a commit counts as one, that a task runs once more, that a violation is known.

Requests on the state branch like those of `control`.
"""

from __future__ import annotations

from swarmgit.app import control
from swarmgit.app.fsck import check
from swarmgit.app.look import look
from swarmgit.app.names import find_task
from swarmgit.app.views.tasks import statuses
from swarmgit.errors import PersonMustAct
from swarmgit.model.control import Acknowledgement, LandingControl
from swarmgit.model.ids import CommitId, TaskId, ulid
from swarmgit.model.status import TaskStatus
from swarmgit.ports.world import World
from swarmgit.state import kinds
from swarmgit.state.archive import find

ONCE_MORE = frozenset({"landed", "reverted", "unchanged", "reported"})


def accept(world: World, name: str, by: str, reason: str = "") -> TaskId:
    """Let the commit that claims a task count as its landing; `name`: the task, or the commit."""
    seen = look(world)
    claims = seen.observed.landings
    by_commit = {claim.commit: task for task, claim in claims.items()}
    named = [task for commit, task in by_commit.items() if len(name) >= 7 and commit.startswith(name)]
    task = named[0] if len(named) == 1 else find_task(name, {**statuses(seen), **claims}, statuses(seen))
    claim = claims.get(task)
    if claim is None:
        raise PersonMustAct(f"no commit of the target claims task {task}", f"swarmgit why {task}")
    said = Acknowledgement(claim.commit, by, reason or f"accepted as the landing of {task}", seen.now)
    request = LandingControl(task, "accept", claim.commit, by=by, reason=reason, at=seen.now)
    changes = {
        kinds.ACKNOWLEDGED.path(said): said,
        kinds.LANDING_CONTROL.file(ulid(seen.now, f"accept {task} {by}")): request,
    }
    control.write_requests(world, changes, f"Accept {claim.commit[:10]} as the landing of {task}", seen.now)
    return task


def reopen(world: World, name: str, by: str, reason: str = "") -> TaskId:
    """Let a task that has landed, or that a commit claims, be worked for once more and land again."""
    seen = look(world)
    task = find_task(name, {**dict.fromkeys(seen.observed.archived), **statuses(seen)}, statuses(seen))
    status = statuses(seen).get(task) or find(world.objects, seen.observed.state_head, kinds.TASKS, task)
    status = status or TaskStatus(task, task, phase="landed")
    claim = seen.observed.landings.get(task)
    if claim is None and status.phase not in ONCE_MORE:
        raise PersonMustAct(f"task {task} has not landed: it is {status.phase}", f"swarmgit task restart {task}")
    if task not in seen.desired.tasks:
        raise PersonMustAct(
            f"task {task} has no file on the target any more", f"write it again and commit: swarmgit task new {task}"
        )
    run = max(status.run, claim.run if claim else 0) + 1
    request = LandingControl(task, "reopen", run=run, by=by, reason=reason, at=seen.now)
    place = kinds.LANDING_CONTROL.file(ulid(seen.now, f"reopen {task} {by}"))
    control.write_request(world, place, request, f"Reopen {task}", seen.now)
    return task


def acknowledge(world: World, name: str, by: str, reason: str) -> CommitId:
    """Take note of the violations of a commit that `fsck` names: it shows them apart from then on."""
    now = world.clock.now()
    named = {each.commit for each in check(world).violations if each.commit is not None}
    found = sorted(commit for commit in named if len(name) >= 7 and commit.startswith(name))
    if len(found) != 1:
        raise PersonMustAct(f"fsck names no violation of a commit {name!r}", "see which there are: swarmgit fsck")
    commit = CommitId(found[0])
    said = Acknowledgement(commit, by, reason, now)
    control.write_request(world, kinds.ACKNOWLEDGED.path(said), said, f"Acknowledge {commit[:10]}", now)
    return commit
