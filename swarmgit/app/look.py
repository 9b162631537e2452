"""The same look at the world as a tick takes, without doing anything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.app.revisions import state_commit
from swarmgit.app.room import state_problems
from swarmgit.desired.cache import Cache
from swarmgit.desired.load import load
from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, SwarmError
from swarmgit.model.actions import Plan
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.desired import Desired, Problem
from swarmgit.model.observed import Observed
from swarmgit.observe.snapshot import Observer
from swarmgit.plan import plan, renames
from swarmgit.ports.world import ReadWorld


class Look(Struct, frozen=True):
    """`drafts`: paths below `.swarm/` whose working copy differs from the target's commit: nobody acts on them yet."""

    desired: Desired
    observed: Observed
    plan: Plan
    now: datetime
    drafts: tuple[str, ...] = field(default=())


def look(world: ReadWorld, at: str | None = None) -> Look:
    """Return what is, or what the state branch said `at` a revision or a time (ISO 8601)."""
    desired = loader(world)()
    observer = Observer(world)
    now = world.clock.now()
    if at is not None:
        return Look(desired, observer.at(desired, state_commit(world, at)), Plan(), now)
    observed = observer.observe(desired)
    observer.keep()
    return looked(desired, observed, plan(desired, observed, now), now, world.person.drafts(desired))


def looked(desired: Desired, observed: Observed, planned: Plan, now: datetime, drafts: tuple[str, ...] = ()) -> Look:
    """Return a look at what was planned for: renamed tasks under the names that they go by."""
    one = renames.follow(desired, observed)
    return Look(one.desired, one.observed, planned, now, drafts)


def broken_mail(world: ReadWorld, seen: Look) -> tuple[Problem, ...]:
    """Return the messages that cannot be read; nobody is held up by them, so nobody else looks for them."""
    from swarmgit.state import mailboxes

    boxes = seen.observed.mail
    if not isinstance(boxes, mailboxes.Mailboxes):
        return ()
    return mailboxes.broken_mail(boxes, world.objects, world.cache)


def check_mail(world: ReadWorld, seen: Look) -> None:
    """Go through what is new in the mailboxes and keep the result, so that those who only read need not."""
    with suppress(SwarmError, OSError):  # nobody is held up by it
        broken_mail(world, seen)


def no_target(world: ReadWorld) -> PersonMustAct:
    """Return the error where no branch is the target: there never was one, or it was renamed or deleted."""
    former = world.repository.former
    if former is None:
        return PersonMustAct("no branch of this repository holds .swarm/swarm.yaml", "swarmgit init")
    return PersonMustAct(
        f"branch {former}, where work lands, is gone; nothing is lost by that",
        f"git branch {former} COMMIT brings it back; or commit another branch's name as target: in {paths.SWARM_YAML}",
    )


def loader(world: ReadWorld) -> Callable[[], Desired]:
    """Return the function that loads the intent in force."""
    target = world.repository.target
    if target is None:
        raise no_target(world)
    cache = Cache(world.repository.live / paths.CACHE / "desired", keeps=world.cache.keeps)

    def load_it() -> Desired:
        """Load with our own adapters; what other packages bring is looked for only where something is wrong so."""
        desired = load(world.objects, target, cache)
        others = world.runtimes.names() if desired.problems else ADAPTERS.keys()
        return with_problems(desired if others == ADAPTERS.keys() else load(world.objects, target, cache, others))

    def with_problems(desired: Desired) -> Desired:
        if desired.swarm is None or desired.swarm.state_branch == world.repository.state_branch:
            return desired
        taken = state_problems(world, desired, lambda path: world.objects.blob(f"{desired.commit}:{path}"))
        return replace(desired, problems=(*taken, *desired.problems)) if taken else desired

    return load_it
