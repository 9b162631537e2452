"""Checks of the live folder: what runs on this machine, and what it stands on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from swarmgit.app.doctor.report import Facts, Finding
from swarmgit.app.views.words import counted
from swarmgit.documents import paths
from swarmgit.errors import TryLater
from swarmgit.model.checkouts import INDEX_LOCK
from swarmgit.plan import checkouts, streams
from swarmgit.plan.failure_words import SAVING, sentence
from swarmgit.plan.failures import is_stuck
from swarmgit.plan.incidents.catalogue import CATALOGUE
from swarmgit.ports.world import ReadWorld, World

FREE_BYTES_FEW = 2 << 30


def live(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Who leads."""
    folder = world.repository.live
    if not folder.is_dir():
        yield Finding("live", "ok", "nothing has run here yet")
        return
    holder = facts.machine.lock_holder(folder / paths.LOCK)
    yield Finding("live", "ok", f"{folder}; " + (f"a reconcile leads ({holder})" if holder else "no reconcile runs"))


def engine(world: ReadWorld, _facts: Facts) -> Iterator[Finding]:
    """The engine repository is whole."""
    place = world.repository.live / paths.ENGINE
    if not world.repository.live.is_dir():
        return
    repair = "swarmgit reconcile makes it again; what it alone had is lost and run again"
    if not place.exists() and any((world.repository.live / paths.SESSIONS).glob("*")):
        yield Finding("engine", "fail", f"{place} is gone", repair)
    elif place.exists() and not (place / "objects" / "info" / "alternates").is_file():
        words = f"{place} has lost its link to the repository's objects"
        yield Finding("engine", "fail", words, "swarmgit reconcile mends it")
    else:
        yield Finding("engine", "ok", f"{place} is whole")


def disk(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """There is room for worktrees."""
    free = facts.machine.free_bytes(world.repository.store)
    is_roomy = free >= FREE_BYTES_FEW
    where = f"{free / (1 << 30):.1f} GiB free for worktrees in {world.repository.store}"
    yield Finding("disk", "ok" if is_roomy else "warn", where, "" if is_roomy else "swarmgit gc, or set XDG_STATE_HOME")


def sessions(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """The record of every session can be read."""
    damaged = sorted(facts.seen.observed.damaged)
    if damaged:
        named = f"{counted(len(damaged), 'session')} with a record that cannot be read: {', '.join(damaged[:5])}"
        what = f"{named}; the next reconcile ends what is left of them and saves their worktrees"
        yield Finding("sessions", "warn", what, "swarmgit reconcile")


def heard(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """What every session prints can be read, and stays as it was."""
    for session in facts.seen.observed.programs:
        for alert in streams.told(session):
            kind = CATALOGUE[alert.kind]
            what = f"{kind.title_of(alert)}: {kind.what_of(alert)}"
            yield Finding("heard", "warn", what, f"swarmgit logs {session.spec.id}")


def failing(_world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """No step fails again and again."""
    for each in facts.seen.plan.failing:
        what = f"{each.step.owner or 'the swarm'}: {sentence(each)}"
        is_saving = each.step.kind in SAVING and each.step.task is not None  # nothing goes on before that is answered
        repair = f"swarmgit task restart {each.step.task}" if is_saving else "swarmgit reconcile"
        yield Finding("failing", "fail" if is_stuck(each) else "warn", what, repair)


def behind(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Every checkout of the target shows what has landed."""
    for each in world.landing.behind():
        yield Finding("behind", "warn", checkouts.behind(each), checkouts.catching_up(each), partial(_catch_up, facts))


def _catch_up(facts: Facts, world: World) -> str:
    world.landing.hurry()
    world.landing.catch_up(facts.seen.now)
    left = len(world.landing.behind())
    if left:
        raise TryLater(f"{counted(left, 'checkout')} could still not be brought along", "swarmgit doctor")
    return "the checkouts show what has landed"


def locks(world: ReadWorld, facts: Facts) -> Iterator[Finding]:
    """Nobody has left a lock on the index of a checkout of the target."""
    target = world.repository.target
    for each in world.landing.locks(target) if target else ():
        if not each.is_used:
            words = f"{checkouts.locked(each, facts.seen.now)}; landings wait for it"
            yield Finding("locks", "fail", words, checkouts.answer((INDEX_LOCK,), (each,)))
