"""Merges in memory, landings, and work that is saved because it will not land."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from swarmgit.act.failing import failed
from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model.actions import FollowRemote, Land, MergeItem, Salvage, TryMerges
from swarmgit.model.checkouts import HUNG_FILTER, INDEX_LOCK, Obstacle
from swarmgit.model.failures import Step
from swarmgit.model.ids import CommitId, EntryId
from swarmgit.model.landings import InTheWay
from swarmgit.model.observed import MergeTry
from swarmgit.model.outcomes import Blocked, Done, Outcome, Underway
from swarmgit.model.pins import Submit, Unpin
from swarmgit.ports.world import World


def salvage(action: Salvage, world: World) -> Outcome:
    """Save work, in the background: what agents wrote decides how long it takes."""

    def save() -> Done:
        world.engine.salvage(action.ref, action.commit)
        return Done(action)

    return world.background.run(f"salvage {action.ref}", action.commit, save) or Underway(action)


def try_merges(action: TryMerges, world: World) -> tuple[Outcome, ...]:
    """Merge entries, in the background and one such action at a time: what agents wrote decides how long it takes."""
    what = (action.onto, tuple((item.entry, item.head) for item in action.items))
    return world.background.run("merges", what, lambda: _try_merges(action, world)) or (Underway(action),)


def _try_merges(action: TryMerges, world: World) -> tuple[Outcome, ...]:
    """Merge each entry on the one before it; the results are kept where the next observation finds them.

    An entry that cannot be merged at all fails alone: the others are merged without it.
    """
    onto = action.onto
    found: list[tuple[MergeItem, MergeTry]] = []
    outcomes: list[Outcome] = []
    for item in action.items:
        try:
            world.fault("merge")
            tried = world.engine.merge(onto, item.head, item.message, action.gates, action.style, action.auto)
            if tried.commit is not None and item.guarded is not None:
                tried = replace(tried, difference=world.engine.difference(onto, tried.commit, item.guarded))
            if action.is_signed:
                tried = world.engine.signatures.sign(tried)
        except Exception as error:  # noqa: BLE001  the boundary of a step: one entry's
            outcomes.append(_unmerged(action, item, error, world))
            continue
        found.append((item, replace(tried, rules=action.rules)))
        if tried.commit is None:
            break
        onto = tried.commit
    unpinned = _pin(action, found, world)
    kept = [tried for item, tried in found if item not in unpinned]
    if kept:
        world.cache.keep_merges(kept)
    return (*outcomes, *unpinned.values(), Done(action))


def _pin(action: TryMerges, found: Sequence[tuple[MergeItem, MergeTry]], world: World) -> dict[MergeItem, Outcome]:
    """Pin candidates, all at once where that works; return what came of those that cannot be."""
    pins = {item: {paths.candidate_ref(item.entry): tried.commit} for item, tried in found if tried.commit is not None}
    try:
        world.engine.pin({ref: commit for each in pins.values() for ref, commit in each.items()})
    except SwarmError:
        unpinned: dict[MergeItem, Outcome] = {}
        for item, pin in pins.items():
            try:
                world.engine.pin(pin)
            except SwarmError as error:
                unpinned[item] = _unmerged(action, item, error, world)
        return unpinned
    return {}


def _unmerged(action: TryMerges, item: MergeItem, error: Exception, world: World) -> Outcome:
    return failed(action, error, world, Step("TryMerges", item.task, item.entry))


def land(action: Land, world: World) -> Outcome:
    """Move the target along recorded intents. A target that is elsewhere is not an error: the next plan sees it."""
    heads = tuple(head for _, head in action.works)
    if not publish(action.entries[-1], action.new, action.old, heads, world):
        return Underway(action)
    world.fault("published")
    result = world.landing.land(action.target, action.old, action.new)
    if isinstance(result, InTheWay):
        return block(_touching(action, result, world), action.target, result, world)
    return unblock(action, action.entries, world)


def publish(entry: EntryId, new: CommitId, old: CommitId, heads: Sequence[CommitId], world: World) -> bool:
    """Bring a candidate into the person's repository, in the background; return whether it is there."""

    def bring() -> bool:
        world.landing.publish(paths.candidate_ref(entry), new, old, heads)
        return True

    return world.background.run(f"publish {entry}", (new, old), bring) or False


def block(entries: Sequence[EntryId], target: str, found: InTheWay, world: World) -> Blocked:
    """Keep for the next look who waits for which edits; what else is blocked already stays so."""
    ways = (HUNG_FILTER, *found.paths) if found.is_hung else found.paths
    traces = world.landing.traces(target, found.checkout, ways)
    now = Obstacle(found.checkout, ways, traces, world.clock.now())
    world.cache.keep_blocked({**world.cache.blocked(), **dict.fromkeys(entries, now)})
    locks = world.landing.locks(target) if ways == (INDEX_LOCK,) else ()
    return Blocked(entries[0] if entries else None, found.checkout, ways, locks)


def unblock(action: Land | FollowRemote, entries: Sequence[EntryId], world: World) -> Done:
    """Forget what kept these from landing, now that nothing does."""
    known = world.cache.blocked()
    if not known.keys().isdisjoint(entries):
        world.cache.keep_blocked({entry: way for entry, way in known.items() if entry not in entries})
    return Done(action)


def _touching(action: Land, found: InTheWay, world: World) -> list[EntryId]:
    """Return the entries whose own changes meet the edits; all of them where that cannot be told."""
    touching = []
    for entry, (base, head) in zip(action.entries, action.works, strict=False):
        changed = world.engine.changed_paths(base, head)
        if any(_meets(path, other) for path in found.paths for other in changed):
            touching.append(entry)
    return touching or list(action.entries)


def _meets(one: str, other: str) -> bool:
    """Return whether two paths are the same, or one is a folder of the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def pin(action: Submit | Unpin, world: World) -> Outcome:
    """Move the refs that keep work in the person's repository: of an entry in line, or of those that are over."""
    match action:
        case Submit(ref=ref, commit=commit):
            return world.background.run(f"submit {ref}", commit, lambda: _submit(action, world)) or Underway(action)
        case Unpin(entries, refs):
            world.engine.withdraw((*map(paths.candidate_ref, entries), *refs))
    return Done(action)


def _submit(action: Submit, world: World) -> Done:
    world.engine.submit({action.ref: action.commit})
    return Done(action)
