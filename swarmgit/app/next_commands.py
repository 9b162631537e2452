"""Which commands bring a task on: the one of its reason first."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.app.look import Look
from swarmgit.app.views.reasons import reason_of
from swarmgit.model.status import TaskStatus
from swarmgit.plan import checkouts


def next_commands(look: Look, status: TaskStatus) -> tuple[str, ...]:
    """Return what to run next for a task, best first."""
    return tuple(dict.fromkeys(_commands(look, status)))


def _commands(look: Look, status: TaskStatus) -> Iterator[str]:
    why, stands = reason_of(look, status), tuple(_brakes_off(look, status))
    yield from (why.command,) if why is not None else ()
    yield from stands
    if why is not None and why.kind == "review":
        yield f"swarmgit review pass {status.task}"
        yield f"swarmgit review fail {status.task}"
    else:
        yield from _again(look, status)
    in_the_way = look.observed.blocked.get(status.entry, ()) if status.entry else ()
    if status.phase == "queued" and in_the_way:
        yield from checkouts.commands(in_the_way, look.observed.index_locks)
    if status.phase in {"waiting", "rework", "verifying", "queued"} and not {*stands} - {"swarmgit thaw"}:
        yield "swarmgit reconcile"
    if status.phase == "running" and status.last:
        yield f"swarmgit logs {status.last.session} -f"
    elif status.last:
        yield f"swarmgit task show {status.task}"
    if status.landed_commit:
        yield f"git show {status.landed_commit}"


def _brakes_off(look: Look, status: TaskStatus) -> Iterator[str]:
    """Yield what lifts each thing that holds a task, whichever of them is the first."""
    control = look.observed.controls.get(status.task)
    if status.task in look.desired.held:
        yield "swarmgit validate"
    if look.observed.freeze and status.finished is None:
        yield "swarmgit thaw"
    if control and control.paused:
        yield f"swarmgit task resume {status.task}"


def _again(look: Look, status: TaskStatus) -> Iterator[str]:
    """Yield what lets a task that has ended go on."""
    drift = look.observed.drift.get(status.task)
    if drift is not None and drift.kind == "gone":
        yield f"swarmgit task reopen {status.task}"
        yield f"swarmgit fsck --acknowledge {drift.commit} --reason TEXT"
    is_claimed = status.phase == "needs-human" and status.task in look.observed.landings
    if is_claimed:
        yield f"swarmgit task accept {status.task}"
    if is_claimed or status.phase == "reverted":
        yield f"swarmgit task reopen {status.task}"
    elif status.phase == "needs-human" and status.task in look.observed.failures:
        yield "swarmgit reconcile"  # the work is there: with the cause gone, the step is tried again
    elif status.task in look.observed.unreadable or status.task not in look.desired.tasks:
        return
    elif status.phase in {"needs-human", "failed", "cancelled"}:
        yield f"swarmgit task restart {status.task}"
