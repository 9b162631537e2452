"""`reconcile`: tick until nothing is left to do, or only people can act; or once; or for as long as one watches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.act import failing
from swarmgit.app import recovery
from swarmgit.app.gc import stale_refs
from swarmgit.app.look import Look, check_mail, loader, looked
from swarmgit.app.room import require_room
from swarmgit.app.tick import Ticked, Ticker, listen
from swarmgit.app.views.tasks import statuses
from swarmgit.app.views.words import counted
from swarmgit.app.worker import Left, Worker, since
from swarmgit.errors import SwarmError, TryLater
from swarmgit.model.actions import Action, Plan, StopSession
from swarmgit.model.desired import Desired
from swarmgit.model.ids import SessionId, TaskId
from swarmgit.model.observed import Observed
from swarmgit.model.outcomes import Blocked, Done, Failed, Outcome
from swarmgit.model.status import FINISHED
from swarmgit.observe.snapshot import Observer
from swarmgit.plan import checkouts
from swarmgit.plan.failure_words import sentence
from swarmgit.ports.machine import Doorbell
from swarmgit.ports.world import World

TROUBLES_MAX = 7
"""Ticks in a row that come to nothing at all before `reconcile` ends; one that watches never does."""

TROUBLE_WAIT_S, TROUBLE_WAIT_S_MAX = 0.2, 5.0
GRACE_S = 0.3
"""So long a tick may go on after an interrupt, or the end of the time."""

LAST_S_MAX = 2.0
"""So long a run that has come to its end waits for what nobody hangs on: a resolution to be remembered."""

RECOUNT_S = 0.05
LISTEN_S = 0.25
"""So soon an interrupt is seen while the loop waits for a doorbell."""

TICKS_PER_SYNC = 8
"""The state's checkout is for people: it is brought along when nothing is more urgent, and every so many ticks."""

INTERRUPTED = 130
NEEDS_PERSON = 4
PERSON_MUST_ACT = 1


class Options(Struct, frozen=True):
    mode: Literal["settle", "once", "watch"] = "settle"
    timeout_s: float | None = None
    only: frozenset[TaskId] = frozenset()
    now: bool = False


class TickReport(Struct, frozen=True):
    number: int
    actions: tuple[Action, ...]
    outcomes: tuple[Outcome, ...]
    look: Look


class Trouble(Struct, frozen=True):
    """A tick that came to nothing, as a whole: it could not look, plan or record. It is tried again in `again_in_s`."""

    message: str
    hint: str | None
    again_in_s: float
    at: datetime


class Result(Struct, frozen=True):
    """`code` is the process's exit code (DESIGN §12). `is_hung`: a thread works on; only the process's end ends it."""

    code: int
    reason: str
    look: Look
    is_hung: bool = False


class Course(Struct):
    """A run of the loop. `look` and `done` are of the last tick that came to something, `troubles` counts since."""

    ticker: Ticker
    worker: Worker
    options: Options
    started: datetime
    started_s: float
    number: int = 0
    troubles: int = 0
    is_healed: bool = False
    rings: frozenset[SessionId] = frozenset()
    look: Look | None = None
    done: Ticked | None = None

    @property
    def waited_s(self) -> float:
        return self.ticker.world.clock.awake_s() - self.started_s  # clocks may be set meanwhile

    @property
    def is_late(self) -> bool:
        return self.options.timeout_s is not None and self.waited_s >= self.options.timeout_s


def reconcile(
    world: World,
    options: Options,
    on_tick: Callable[[TickReport], None],
    interrupted: threading.Event,
    on_trouble: Callable[[Trouble], None] = lambda _: None,
) -> Result:
    """Take the lock, heal what a killed reconciler left, and tick. Sessions go on when this returns early.

    A tick that fails as a whole is told and tried again; one that watches does so for ever, the others for a while.
    """
    world.lock.acquire()
    worker = Worker(world)
    try:
        result = _run(worker, options, (on_tick, on_trouble), interrupted)
        return replace(result, is_hung=worker.is_hung)
    finally:
        if not worker.is_hung:
            world.close()


Heard = tuple[Callable[[TickReport], None], Callable[[Trouble], None]]


def _run(worker: Worker, options: Options, heard: Heard, interrupted: threading.Event) -> Result:
    world = worker.world
    require_room(world)
    started = world.clock.now()
    ticker = Ticker(
        world,
        loader(world),
        Observer(world, world.executor),
        options.only,
        options.now,
        is_waited_for=options.mode == "settle",
        is_only=options.mode == "once",
        trusted_since=None if options.mode == "once" else started,
        leaving=worker.leaving,
    )
    bell = world.machine.doorbell() if options.mode != "once" else None
    course = Course(ticker, worker, options, started, world.clock.awake_s())
    try:
        result = _loop(course, heard, interrupted, bell)
        if not interrupted.is_set() and not course.is_late:
            world.background.wait(LAST_S_MAX)
        return result
    finally:
        if bell is not None:
            bell.close()
        with suppress(SwarmError, OSError):  # only what a later process would do again
            if not worker.leaving.is_set():
                ticker.observer.keep()
                world.state.sync_checkout(wait=True)


def _loop(course: Course, heard: Heard, interrupted: threading.Event, bell: Doorbell | None) -> Result:
    on_tick, on_trouble = heard
    is_asked = since(interrupted, GRACE_S)

    def wants_to_leave() -> bool:
        timeout_s = course.options.timeout_s
        return is_asked() or (timeout_s is not None and course.waited_s >= timeout_s + GRACE_S)

    while True:
        course.number += 1
        trouble = _try(course, wants_to_leave)
        if trouble is None and course.look and course.done and not course.worker.leaving.is_set():
            on_tick(TickReport(course.number, course.done.plan.actions, course.done.outcomes, course.look))
        elif trouble is not None:
            on_trouble(trouble)
        result = _end(course, trouble, is_interrupted=interrupted.is_set())
        if result is not None:
            return result
        if trouble is not None:
            interrupted.wait(trouble.again_in_s)
        elif bell is not None and course.done is not None:
            _pause(course, course.done, bell, interrupted)


def _try(course: Course, wants_to_leave: Callable[[], bool]) -> Trouble | None:
    """Do one tick, and what belongs to it. What is raised as a whole becomes a value where trying again may help."""
    try:
        course.worker.run(lambda: _step(course), wants_to_leave)
    except (MemoryError, Left) as ended:
        if isinstance(ended, MemoryError):
            raise
        return None  # the end of the run says why
    except Exception as error:
        if not _may_pass(course, error):
            raise
        return _trouble(course, error)
    course.troubles = 0
    return None


def _step(course: Course) -> None:
    world = course.ticker.world
    if not course.is_healed:
        recovery.heal(world)
        course.is_healed = True
    done = course.ticker.tick()
    look = looked(done.desired, done.observed, done.plan, done.now)
    course.look, course.done = look, done
    beside = course.ticker.beside.do
    if course.number == 1:  # a kill came between the record and the unpinning
        beside(world, "refs of finished work", lambda: world.engine.withdraw(stale_refs(world, look)))
    is_once = course.options.mode == "once"
    if is_once:
        world.background.wait()
    if is_once or not _changed(done) or course.number % TICKS_PER_SYNC == 0:
        beside(world, "the checkout of the state branch", lambda: world.state.sync_checkout(wait=is_once))
    if not is_once and (not _changed(done) or course.number % TICKS_PER_SYNC == 0):
        beside(world, "the check of mailboxes", lambda: check_mail(world, look))


def _may_pass(course: Course, error: Exception) -> bool:
    """Return whether a failure of a whole tick is tried again: always where somebody watches, else for a while."""
    if course.options.mode == "watch":
        return True
    is_for_person = isinstance(error, SwarmError) and not isinstance(error, TryLater)
    is_bug = not isinstance(error, SwarmError | OSError) and course.troubles + 1 >= TROUBLES_MAX
    return course.options.mode == "settle" and not is_for_person and not is_bug


def _trouble(course: Course, error: Exception) -> Trouble:
    course.troubles += 1
    wait_s = min(TROUBLE_WAIT_S * 2 ** min(course.troubles - 1, 10), TROUBLE_WAIT_S_MAX)
    if course.options.timeout_s is not None:
        wait_s = max(0.0, min(wait_s, course.options.timeout_s - course.waited_s))
    message, hint, _ = failing.words("tick", error, course.ticker.world)
    return Trouble(message, hint, wait_s, course.ticker.world.clock.now())


def _end(course: Course, trouble: Trouble | None, *, is_interrupted: bool) -> Result | None:
    """Return how the run ends here, None where it goes on."""
    done, mode = course.done, course.options.mode
    look = course.look or Look(Desired(None, None), Observed(), Plan(), course.started)
    if done is not None and mode == "once":
        return _result(done, look, "one tick is done")
    if is_interrupted:
        return Result(INTERRUPTED, "interrupted; sessions go on", look)
    if trouble is not None and mode == "settle" and course.troubles >= TROUBLES_MAX:
        return Result(PERSON_MUST_ACT, f"nothing can be done: {trouble.message}", look)
    is_whole = trouble is None and done is not None and not course.worker.leaving.is_set()
    if is_whole and done is not None and mode == "settle" and done.plan.is_settled and not _changed(done):
        return _result(done, look, "settled")
    if course.is_late:
        what = trouble.message if trouble else _failing(done) if done else ""
        last = f"; {what}" if what else ""
        reason = f"not settled after {course.options.timeout_s:g} s; sessions go on{last}"
        return Result(PERSON_MUST_ACT, reason, look)
    return None


def _pause(course: Course, done: Ticked, bell: Doorbell, interrupted: threading.Event) -> None:
    """Wait for the doorbell, unless this tick's own effects have to be looked at first."""
    course.rings = listen(course.ticker.world, done, bell, course.rings)
    if _changed(done):
        bell.wait(0)
        return
    has_failed = any(isinstance(outcome, Failed) for outcome in done.outcomes)  # the next tick counts that
    limits = [RECOUNT_S if has_failed else done.plan.wake_in_s or 0.0]
    if course.options.timeout_s is not None:
        limits.append(max(0.0, course.options.timeout_s - course.waited_s))
    left_s = max(0.005, min(limits))
    while left_s > 0 and not interrupted.is_set() and not bell.wait(min(left_s, LISTEN_S)):
        left_s -= LISTEN_S


def _changed(done: Ticked) -> bool:
    """Return whether the tick did anything that the next look will see; asking a session to stop is not that."""
    return done.commit is not None or any(
        isinstance(outcome, Done) and not isinstance(outcome.action, StopSession) for outcome in done.outcomes
    )


def _failing(done: Ticked) -> str:
    """Return what has failed and has not worked since, or waits, in words; of many the first; '' for none."""
    said = [f"{each.step.owner or 'the swarm'}: {sentence(each)}" for each in done.plan.failing]
    said += [outcome.message for outcome in done.outcomes if isinstance(outcome, Failed)]
    said += [checkouts.holding(each, done.now) for each in done.outcomes if isinstance(each, Blocked)]
    more = f"; and {len(said) - 1} more (swarmgit status)" if len(said) > 1 else ""
    return f"{said[0]}{more}" if said else ""


def _result(done: Ticked, look: Look, reason: str) -> Result:
    if done.desired.problems or done.observed.problems or done.desired.swarm is None:
        found = (*done.desired.problems, *done.observed.problems)
        first = f": {found[0]}" if found else ""
        return Result(PERSON_MUST_ACT, f"{reason}; {counted(len(found), 'problem')} for a person to solve{first}", look)
    if done.plan.failing:
        return Result(PERSON_MUST_ACT, f"{reason}, but for what fails: {_failing(done)}", look)
    if done.plan.needs_person:
        return Result(NEEDS_PERSON, f"{reason}; some tasks need a person", look)
    if look.observed.freeze and any(status.phase not in FINISHED for status in statuses(look).values()):
        return Result(NEEDS_PERSON, f"{reason}, as far as a freeze lets it", look)
    return Result(0, reason, look)
