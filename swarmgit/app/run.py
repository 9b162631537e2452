"""`reconcile`: tick until nothing is left to do, or only people can act; or once; or for as long as one watches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from swarmgit.app import recovery
from swarmgit.app.gc import stale_candidates
from swarmgit.app.look import Look, loader
from swarmgit.app.tick import Ticked, Ticker
from swarmgit.documents import paths
from swarmgit.model.actions import Action, StartSession, StopSession
from swarmgit.model.ids import TaskId
from swarmgit.model.outcomes import Done, Failed, Outcome
from swarmgit.observe.snapshot import Observer
from swarmgit.ports import Doorbell, World

FAILURES_MAX = 10
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


class Result(Struct, frozen=True):
    """`code` is the process's exit code (DESIGN §12)."""

    code: int
    reason: str
    look: Look


def reconcile(
    world: World, options: Options, on_tick: Callable[[TickReport], None], interrupted: threading.Event
) -> Result:
    """Take the lock, heal what a killed reconciler left, and tick. Sessions go on when this returns early."""
    world.lock.acquire()
    try:
        return _run(world, options, on_tick, interrupted)
    finally:
        world.close()


def _run(world: World, options: Options, on_tick: Callable[[TickReport], None], interrupted: threading.Event) -> Result:
    load = loader(world)
    started = world.clock.now()
    ticker = Ticker(
        world,
        load,
        Observer(world, measures=True),
        options.only,
        options.now,
        trusted_since=None if options.mode == "once" else started,
    )
    recovery.heal(world)
    bell = world.doorbell() if options.mode != "once" else None
    try:
        return _loop(ticker, options, on_tick, interrupted, bell)
    finally:
        if bell is not None:
            bell.close()
        ticker.observer.keep()
        world.state.sync_checkout(wait=True)


def _loop(
    ticker: Ticker,
    options: Options,
    on_tick: Callable[[TickReport], None],
    interrupted: threading.Event,
    bell: Doorbell | None,
) -> Result:
    world = ticker.world
    started = world.clock.now()
    failures = 0
    number = 0
    while True:
        number += 1
        done = ticker.tick()
        look = Look(done.desired, done.observed, done.plan, done.now)
        if number == 1:
            _unpin_closed(world, look)
        on_tick(TickReport(number, done.plan.actions, done.outcomes, look))
        failures = failures + 1 if _failed(done) and not _changed(done) else 0
        if options.mode == "once" or bell is None:
            world.background.wait()
            world.state.sync_checkout(wait=True)
            return _result(done, look, "one tick is done")
        if interrupted.is_set():
            return Result(INTERRUPTED, "interrupted; sessions go on", look)
        if failures >= FAILURES_MAX:
            return Result(PERSON_MUST_ACT, f"the same step failed {failures} times: {_first_failure(done)}", look)
        if done.plan.is_settled and not _changed(done) and options.mode == "settle":
            return _result(done, look, "settled")
        waited = (world.clock.now() - started).total_seconds()
        if options.timeout_s is not None and waited >= options.timeout_s:
            last = f"; {_first_failure(done)}" if failures else ""
            return Result(PERSON_MUST_ACT, f"not settled after {options.timeout_s:g} s; sessions go on{last}", look)
        if not _changed(done) or number % TICKS_PER_SYNC == 0:
            world.state.sync_checkout(wait=False)
        _listen(world, done, bell)
        _pause(done, options, bell, failures, waited)


def _listen(world: World, done: Ticked, bell: Doorbell) -> None:
    """Let the outboxes of the sessions that run ring, and those of the others no more."""
    for session in done.observed.sessions.values():
        if session.spec.kind == "agent":
            outbox = world.executor.folder(session.spec.id) / paths.OUTBOX
            (bell.unwatch if session.is_over else bell.watch)(outbox)
    for action in done.plan.actions:
        if isinstance(action, StartSession):
            bell.watch(world.executor.folder(action.spec.id) / paths.OUTBOX)


def _pause(done: Ticked, options: Options, bell: Doorbell, failures: int, waited_s: float) -> None:
    """Wait for the doorbell, unless this tick's own effects have to be looked at first."""
    if _changed(done) and not failures:
        bell.wait(0)
        return
    limits = [done.plan.wake_in_s or 0.0]
    if failures:
        limits = [0.2 * failures]
    if options.timeout_s is not None:
        limits.append(max(0.0, options.timeout_s - waited_s))
    bell.wait(max(0.005, min(limits)))


def _unpin_closed(world: World, look: Look) -> None:
    """Drop what still pins candidates of entries that are over: a kill came between the record and the unpinning."""
    for ref in stale_candidates(world, look):
        world.landing.unpin(ref)


def _changed(done: Ticked) -> bool:
    """Return whether the tick did anything that the next look will see; asking a session to stop is not that."""
    return done.commit is not None or any(
        isinstance(outcome, Done) and not isinstance(outcome.action, StopSession) for outcome in done.outcomes
    )


def _failed(done: Ticked) -> bool:
    return any(isinstance(outcome, Failed) for outcome in done.outcomes)


def _first_failure(done: Ticked) -> str:
    return next((o.message for o in done.outcomes if isinstance(o, Failed)), "")


def _result(done: Ticked, look: Look, reason: str) -> Result:
    if done.desired.problems or done.observed.problems or done.desired.swarm is None:
        count = len(done.desired.problems) + len(done.observed.problems)
        return Result(PERSON_MUST_ACT, f"{reason}; {count} problems need a person", look)
    if done.plan.needs_person:
        return Result(NEEDS_PERSON, f"{reason}; some tasks need a person", look)
    return Result(0, reason, look)
