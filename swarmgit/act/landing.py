"""Merges in memory, landings, and work that is saved because it will not land."""

from __future__ import annotations

from dataclasses import replace

from swarmgit.documents import paths
from swarmgit.model.actions import Land, Salvage, TryMerges, Unpin
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import MergeTry
from swarmgit.model.outcomes import Blocked, Done, Outcome
from swarmgit.ports import InTheWay, World


def salvage(action: Salvage, world: World) -> Outcome:
    world.engine.salvage(action.ref, action.commit)
    return Done(action)


def try_merges(action: TryMerges, world: World) -> Outcome:
    """Merge each entry on the one before it; the results are kept where the next observation finds them."""
    onto = action.onto
    found: list[MergeTry] = []
    pins: dict[str, CommitId] = {}
    for item in action.items:
        tried = world.engine.merge(onto, item.head, item.message, action.gates, action.style, action.auto)
        found.append(replace(tried, rules=action.rules))
        if tried.commit is None:
            break
        pins[paths.candidate_ref(item.entry)] = tried.commit
        onto = tried.commit
    world.engine.pin(pins)
    world.cache.keep_merges(found)
    return Done(action)


def land(action: Land, world: World) -> Outcome:
    """Move the target along recorded intents. A target that is elsewhere is not an error: the next plan sees it."""
    world.landing.publish(paths.candidate_ref(action.entries[-1]), action.new, action.old)
    world.fault("published")
    result = world.landing.land(action.target, action.old, action.new)
    if isinstance(result, InTheWay):
        waiting = dict.fromkeys(action.entries, result.paths)
        if world.cache.blocked() != waiting:
            world.cache.keep_blocked(waiting)
        return Blocked(action.entries[0], result.checkout, result.paths)
    if world.cache.blocked():
        world.cache.keep_blocked({})
    return Done(action)


def unpin(action: Unpin, world: World) -> Outcome:
    world.landing.unpin(paths.candidate_ref(action.entry))
    return Done(action)
