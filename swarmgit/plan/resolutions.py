"""Which conflict takes a session, which kind of session, and how often: generated files (tier 2), `merger` (tier 3).

The entry says all of it: `resolving` names the session and the two sides, `resolved` the proposal, `unresolved` why
there is none. The sessions themselves are looked after in `mergers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.model.actions import Salvage
from swarmgit.model.desired import Runtime
from swarmgit.model.ids import CommitId, SessionId, TaskId, ulid
from swarmgit.model.observed import MergeTry
from swarmgit.model.queue import Entry, Resolving, Unresolved
from swarmgit.model.reasons import reason
from swarmgit.model.status import Rejection
from swarmgit.plan import agents, scope
from swarmgit.plan.landings import save, with_event
from swarmgit.plan.lately import landed_since
from swarmgit.plan.patterns import matches
from swarmgit.plan.situation import Draft, Situation

AI_TRIES_MAX = 2
AI_STARTS_MAX = 4
"""A session that the machine or a person ended is no try, but not for ever."""

PAUSED_MAX = 50
NO_TRY = frozenset({"lost", "stopped", "paused"})


def begin(situation: Situation, draft: Draft, entry: Entry, tried: MergeTry, beneath: Sequence[Entry] = ()) -> bool:
    """Let a session resolve what is left of an entry's conflict with the target; return whether a tier is left.

    `beneath`: entries that lie between it and the target, because they land together.
    """
    tiers = situation.swarm.merge.tiers
    may_change = tuple(dict.fromkeys((*tried.conflicts, *tried.both)))
    session, number = _next(situation, entry)
    resolving = Resolving(
        at=situation.now,
        session=session,
        number=number,
        way="ai",
        onto=tried.base,
        head=entry.work,
        paths=tried.conflicts,
        may_change=may_change,
        others=_others(situation, draft, entry, may_change),
        beneath=tuple((other.id, other.work) for other in beneath),
    )
    if tried.regenerate and "auto" in tiers and _may_generate(entry, tried.base):
        busy = _at_it(draft, entry, tried.conflicts)
        if busy:
            text = f"{', '.join(tried.conflicts[:3])} is made again for {busy} first"
            draft.stuck[entry.id] = reason("conflict", text, entry=entry.id)
        else:
            _resolve(draft, entry, replace(resolving, way="generated", run=tried.regenerate))
        return True
    if not tried.both or "ai" not in tiers or not _may_merge(entry) or runtime_for(situation, entry) is None:
        return False
    _resolve(draft, entry, resolving)
    return True


def begin_again(situation: Situation, draft: Draft, entry: Entry, rejection: Rejection) -> bool:
    """Let the merger try again whose proposal a gate refused, with what the gate said; return whether it may."""
    before = next((event for event in reversed(entry.every(Resolving)) if event.way == "ai"), None)
    if entry.proposal is None or before is None or not _may_merge(entry) or runtime_for(situation, entry) is None:
        return False
    session, number = _next(situation, entry)
    feedback = replace(rejection, exit_code=rejection.exit_code or None)  # 0 would only mislead
    again = replace(before, at=situation.now, session=session, number=number, run=(), feedback=feedback, more={})
    refused = with_event(entry, Unresolved(at=situation.now, way="ai", reason=rejection.summary))
    keep_proposal(draft, entry)
    _resolve(draft, replace(refused, proposal=None), again)
    return True


def then_generate(situation: Situation, draft: Draft, entry: Entry, merged: Resolving) -> None:
    """After a merger, make the generated files again that were part of the conflict: it has not touched them."""
    made = situation.swarm.merge.generated if "auto" in situation.swarm.merge.tiers else ()
    files = tuple(path for path in merged.paths if any(matches(path, each.files) for each in made))
    run = tuple(dict.fromkeys(each.run for each in made if any(matches(path, each.files) for path in files)))
    if not run or merged.way != "ai":
        return
    session, number = _next(situation, entry)
    resolving = replace(
        merged,
        at=situation.now,
        session=session,
        number=number,
        way="generated",
        head=entry.work,
        paths=files,
        may_change=files,
        run=run,
        feedback=None,
        more={},
    )
    _resolve(draft, entry, resolving)


def keep_proposal(draft: Draft, entry: Entry) -> None:
    """Pin a proposal that will not land: what a merger made is work as any other (P3)."""
    resolved = entry.resolved
    if entry.proposal is not None and resolved is not None:
        session = resolved.session
        draft.add(Salvage(entry.task, session, entry.proposal, paths.salvage_ref(entry.task, session)))


def runtime_for(situation: Situation, entry: Entry) -> tuple[Runtime, str | None] | None:
    """Return the program and model of a merger; None where nobody can be expected to merge."""
    return agents.beside(situation.swarm, "merge", situation.desired.tasks.get(entry.task))


def _may_merge(entry: Entry) -> bool:
    begun = sum(event.way == "ai" for event in entry.every(Resolving))
    ended = [event.outcome for event in entry.every(Unresolved) if event.way == "ai"]
    paused = ended.count("paused")
    is_try_left = begun - sum(outcome in NO_TRY for outcome in ended) < AI_TRIES_MAX
    return is_try_left and begun - paused < AI_STARTS_MAX and paused < PAUSED_MAX


def _may_generate(entry: Entry, onto: CommitId) -> bool:
    """Return whether generated files may be made (again) on this head of the target."""
    tried = False
    lost = 0
    for event in entry.events:
        match event:
            case Resolving(way="generated"):
                tried = event.onto == onto
            case Unresolved(way="generated") if event.outcome in NO_TRY:
                tried, lost = False, lost + 1
    return not tried and lost < AI_STARTS_MAX


def _at_it(draft: Draft, entry: Entry, files: Sequence[str]) -> str:
    """Return the task whose entry has one of these files made again now, or already has: one goes after the other."""
    for other in draft.entries.values():
        begun = other.last(Resolving) if other.state in {"resolving", "queued", "gating", "landing"} else None
        if other.id == entry.id or begun is None or begun.way != "generated":
            continue
        is_ahead = other.state == "resolving" or (other.proposal is not None and other.id < entry.id)
        if is_ahead and not set(begun.paths).isdisjoint(files):
            return other.task
    return ""


def _next(situation: Situation, entry: Entry) -> tuple[SessionId, int]:
    """Return the session that is the entry's next try, and its number."""
    number = len(entry.every(Resolving)) + 1
    return SessionId(ulid(situation.now, f"merge/{entry.id}/{number}")), number


def _resolve(draft: Draft, entry: Entry, resolving: Resolving) -> None:
    save(draft, with_event(entry, resolving, state="resolving", candidate=None))


def _others(situation: Situation, draft: Draft, entry: Entry, touched: tuple[str, ...]) -> tuple[TaskId, ...]:
    """Return the tasks that landed since the entry's work began and may change one of these paths."""
    landed = landed_since(situation, draft, entry.base, _began(situation, entry))
    tasks = [situation.desired.tasks.get(other.task) for other in landed if other.task != entry.task]
    inside = {t.id for t in tasks if t is not None and any(scope.is_inside(path, t.scope) for path in touched)}
    return tuple(sorted(inside))


def _began(situation: Situation, entry: Entry) -> datetime:
    status = situation.observed.statuses.get(entry.task)
    attempts = status.attempts if status is not None else ()
    return next((a.started for a in attempts if a.session == entry.session), entry.enqueued)
