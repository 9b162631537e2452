"""What a person asks for outside the intent: pause, cancel, restart, freeze, stop. Small files on the state branch,
written by compare-and-swap, so that they work while a reconciler runs, and survive a reboot."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.app import recovery
from swarmgit.app.look import Look, look, no_target
from swarmgit.app.names import find, find_task
from swarmgit.app.room import require_room
from swarmgit.app.sessions import find_session
from swarmgit.app.views.tasks import statuses
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.control import EntryControl, Freeze, QueueControl, TaskControl
from swarmgit.model.endings import Stop
from swarmgit.model.ids import EntryId, SessionId, TaskId, ulid
from swarmgit.model.queue import WAITING, Entry
from swarmgit.model.renames import called, other_names
from swarmgit.model.status import TaskStatus
from swarmgit.plan import revival
from swarmgit.ports.world import ReadWorld, World
from swarmgit.state import kinds
from swarmgit.state.reading import StateReader

STOPPED = "stopped by a person"
DROPPED = "its entry was dropped from the queue"
OVER = frozenset({"succeeded", "failed", "cancelled", "lost"})
GRACE_S_DEFAULT = 5.0
PATIENCE_S = 10.0
POLL_S = 0.1


class Stopped(Struct, frozen=True):
    """`is_over` False: its processes had not ended when we stopped waiting. `task`: what was paused."""

    session: SessionId
    task: TaskId | None
    is_over: bool
    was_over: bool = False


def pause(world: World, name: str, by: str, reason: str = "") -> None:
    """Let no new session of a task start; one that runs goes on."""
    seen, status = _task(world, name)
    _refuse_finished(status, "pause")
    control = replace(_control(seen, status.task), paused=True, by=by, reason=reason, at=seen.now)
    _write_control(world, status.task, control, f"Pause {status.task}", seen.now)


def resume(world: World, name: str, by: str) -> None:
    """Lift a pause; without one nothing is written."""
    seen, status = _task(world, name)
    before = _control(seen, status.task)
    if before.cancelled:
        raise PersonMustAct(f"task {status.task} is cancelled, not paused", f"swarmgit task restart {status.task}")
    if before.paused:
        control = replace(before, paused=False, by=by, reason="", at=seen.now)
        _write_control(world, status.task, control, f"Resume {status.task}", seen.now)


def cancel(world: World, name: str, by: str, reason: str = "") -> None:
    """Give a task up for good; restart takes it up again."""
    seen, status = _task(world, name)
    _refuse_finished(status, "cancel")
    control = replace(_control(seen, status.task), cancelled=True, by=by, reason=reason, at=seen.now)
    _write_control(world, status.task, control, f"Cancel {status.task}", seen.now)


def restart(world: World, name: str, by: str, reason: str = "") -> None:
    """Begin a task afresh: this lifts a pause and a cancellation, and gives it all its attempts again."""
    seen, status = _task(world, name)
    if status.phase in {"landed", "reverted"}:
        raise PersonMustAct(
            f"task {status.task} has landed as {status.landed_commit or 'a commit of the target'}",
            f"work for it once more: swarmgit task reopen {status.task}; for what is still to do: swarmgit task new",
        )
    if status.task not in seen.desired.tasks and status.task not in seen.desired.held:
        raise PersonMustAct(
            f"task {status.task} has no file on the target any more",
            f"git log -1 --diff-filter=D -- {paths.TASKS}/{status.task}.yaml shows who removed it; bring it back",
        )
    request = ulid(seen.now, f"restart {status.task} {by}")
    control = TaskControl(restart=request, by=by, reason=reason, at=seen.now)
    _write_control(world, status.task, control, f"Restart {status.task}", seen.now)


def freeze(world: World, by: str, reason: str = "") -> None:
    """Put the brake on: nothing starts and nothing lands. A freeze that is there already is replaced."""
    now = world.clock.now()
    brake = Freeze(by=by, at=now, reason=reason)
    write_request(world, kinds.FREEZE.place, brake, f"Freeze: {reason}" if reason else "Freeze", now)


def thaw(world: World) -> bool:
    """Lift the brake and return whether there was one."""
    now = world.clock.now()
    return write_request(world, kinds.FREEZE.place, None, "Thaw", now)


def pause_queue(world: World, by: str, reason: str = "") -> None:
    """Let nothing land until `resume_queue`; sessions and gates go on."""
    now = world.clock.now()
    brake = QueueControl(paused=True, by=by, reason=reason, at=now)
    message = f"Pause the queue: {reason}" if reason else "Pause the queue"
    write_request(world, kinds.QUEUE_CONTROL.place, brake, message, now)


def resume_queue(world: World) -> bool:
    """Let things land again and return whether landings were paused."""
    return write_request(world, kinds.QUEUE_CONTROL.place, None, "Resume the queue", world.clock.now())


def hurry(world: World, name: str, by: str) -> EntryId:
    """Put an entry before all others."""
    seen, entry = _waiting_entry(world, name)
    _write_wish(world, seen, entry, replace(_wish(seen, entry), urgent=True, by=by, at=seen.now), f"Hurry {entry.task}")
    return entry.id


def retry(world: World, name: str, by: str) -> EntryId:
    """Let an entry's red answers from before now not count, so that its gates run again.

    One that was rejected stands in line again with exactly the same work, unless its task has gone on since.
    """
    seen = look(world)
    entry = _entry(seen, name)
    if entry.state == "rejected":
        status = called(seen.observed.statuses, entry.task)
        task = seen.desired.tasks.get(status.task if status is not None else entry.task)
        why = revival.objection(task, status, entry)
        if why:
            again = f"swarmgit task restart {entry.task}"
            raise PersonMustAct(f"entry {entry.id} cannot be tried again: {why}", f"work anew with: {again}")
    else:
        _refuse_over(entry)
    after = max((event.at for event in entry.events), default=seen.now) + timedelta(milliseconds=1)
    wish = replace(_wish(seen, entry), retry=max(seen.now, after), by=by, at=seen.now)
    _write_wish(world, seen, entry, wish, f"Retry {entry.task} in the queue")
    return entry.id


def drop(world: World, name: str, by: str, reason: str = "") -> EntryId:
    """Take an entry out of the queue and pause its task; its work is kept, and `task resume` goes on with it."""
    seen, entry = _waiting_entry(world, name)
    wish = replace(_wish(seen, entry), dropped=True, by=by, reason=reason, at=seen.now)
    paused = replace(_control(seen, entry.task), paused=True, by=by, reason=reason or DROPPED, at=seen.now)
    changes = {
        kinds.ENTRY_CONTROL.file(entry.id): wish,
        kinds.TASK_CONTROL.file(entry.task): paused,
    }
    write_requests(world, changes, f"Drop {entry.task} from the queue and pause it", seen.now)
    return entry.id


def _waiting_entry(world: ReadWorld, name: str) -> tuple[Look, Entry]:
    seen = look(world)
    entry = _entry(seen, name)
    _refuse_over(entry)
    return seen, entry


def _entry(seen: Look, name: str) -> Entry:
    entries = seen.observed.entries
    names = other_names(seen.observed.statuses, name)
    of_task = [entry for entry in entries.values() if entry.task in names]
    if of_task:
        return max(of_task, key=lambda entry: (entry.attempt, entry.id))
    return entries[find(EntryId(name), entries, "entry")]


def _refuse_over(entry: Entry) -> None:
    if entry.state not in WAITING:
        raise PersonMustAct(
            f"entry {entry.id} does not wait any more: it is {entry.state}",
            f"see why: swarmgit queue show {entry.id}; begin the task afresh: swarmgit task restart {entry.task}",
        )


def _wish(seen: Look, entry: Entry) -> EntryControl:
    return seen.observed.entry_controls.get(entry.id, EntryControl())


def _write_wish(world: World, seen: Look, entry: Entry, wish: EntryControl, message: str) -> None:
    write_request(world, kinds.ENTRY_CONTROL.file(entry.id), wish, message, seen.now)


def stop(world: World, name: str, by: str, wait: Callable[[float], None] = time.sleep) -> Stopped:
    """Stop a session (named by its id, the start of it, or its task) and pause its task.

    The pause comes first, so that a reconciler that sees the session end does not start the next one.
    """
    session = find_session(world, name)
    job = world.executor.poll([session]).get(session)
    if job is None or job.state in OVER:
        return Stopped(session, job.spec.task if job else None, is_over=True, was_over=True)
    task, now = job.spec.task, world.clock.now()
    seen = look(world)
    if task is not None:
        control = replace(_control(seen, task), paused=True, by=by, reason=STOPPED, at=now)
        _write_control(world, task, control, f"Stop {session} and pause {task}", now)
    grace_s = seen.desired.swarm.stop_grace_s if seen.desired.swarm else GRACE_S_DEFAULT
    return Stopped(session, task, is_over=_cancel_until_over(world, session, grace_s, wait))


def _cancel_until_over(world: World, session: SessionId, grace_s: float, wait: Callable[[float], None]) -> bool:
    for _ in range(int((grace_s + PATIENCE_S) / POLL_S)):
        world.executor.cancel(session, Stop(STOPPED), grace_s)
        job = world.executor.poll([session]).get(session)
        if job is None or job.state in OVER:
            return True
        wait(POLL_S)
    return False


def _task(world: ReadWorld, name: str) -> tuple[Look, TaskStatus]:
    seen = look(world)
    known = statuses(seen)
    archived = {task: TaskStatus(task=task, title=task, phase="landed") for task in seen.observed.archived}
    found = {**archived, **known}[find_task(name, {**archived, **known}, known)]
    if found.task in seen.observed.unreadable:
        raise PersonMustAct(f"task {found.task}: {found.reason}", "swarmgit state reset kept")
    return seen, found


def _refuse_finished(status: TaskStatus, verb: str) -> None:
    if status.phase in {"landed", "reverted", "unchanged", "reported"}:
        raise PersonMustAct(f"task {status.task} is finished ({status.phase}); there is nothing to {verb}")


def _control(seen: Look, task: TaskId) -> TaskControl:
    return seen.observed.controls.get(task, TaskControl())


def _write_control(world: World, task: TaskId, control: TaskControl, message: str, at: datetime) -> None:
    write_request(world, kinds.TASK_CONTROL.file(task), control, message, at)


def write_request(world: World, path: str, request: Struct | None, message: str, at: datetime) -> bool:
    """Write one request of a person, or take it back (None), and return whether anything changed."""
    return write_requests(world, {path: request}, message, at)


def write_requests(world: World, requests: Mapping[str, Struct | None], message: str, at: datetime) -> bool:
    """Write requests of a person in one commit, and return whether anything changed.

    A state branch that was lost is put back first.
    """
    if world.repository.target is None:
        raise no_target(world)
    require_room(world)
    recovery.restore_state(world)
    StateReader(world.objects, world.cache, keeps=False).read(world.state.head())  # raises where a newer one wrote it
    changes = {path: kinds.of(each).dump(each) if each is not None else None for path, each in requests.items()}
    commit = world.state.write(changes, message, at)
    if commit is not None:
        # the checkout only shows the branch; where it cannot follow now, the next tick brings it along
        with contextlib.suppress(SwarmError):
            world.state.sync_checkout(wait=True)
    return commit is not None
