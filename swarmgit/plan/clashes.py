"""Entries that land together or not at all, and conflict with each other: brought together on their own stack.

None of them may land first, so what the last one is merged with is not the target but the stack of those before it.
"""

from __future__ import annotations

from swarmgit.model.ids import CommitId, EntryId
from swarmgit.model.observed import MergeTry
from swarmgit.model.queue import Entry, Unresolved
from swarmgit.model.reasons import reason
from swarmgit.plan import resolutions, stacks
from swarmgit.plan.landings import save, with_event
from swarmgit.plan.order import holding
from swarmgit.plan.situation import Draft, Situation


def bring_together(
    situation: Situation, draft: Draft, target: CommitId, members: list[Entry]
) -> tuple[Entry, MergeTry] | None:
    """Settle the first conflict among entries that land together; return it where it is one with the target itself.

    Where no tier is left they all wait for a person: half of them never lands.
    """
    onto = target
    for place, entry in enumerate(members):
        tried = situation.tried(onto, entry.work)
        if tried is None:
            stacks.ask_for_merges(situation, draft, onto, members[place:])
            return None
        if tried.commit is None:
            alone = situation.tried(target, entry.work)
            if alone is None:
                stacks.ask_for_merges(situation, draft, target, [entry])
            elif alone.commit is None:
                return entry, alone
            elif not resolutions.begin(situation, draft, entry, tried, tuple(members[:place])):
                _wait_for_person(situation, draft, members, place, tried)
            return None
        onto = tried.commit
    return None


def _wait_for_person(situation: Situation, draft: Draft, members: list[Entry], place: int, tried: MergeTry) -> None:
    others = ", ".join(entry.task for entry in members[:place][:5])
    convoy = holding(situation, members[place].task)
    words = (
        f"{members[place].task} conflicts in {', '.join(tried.conflicts[:5])} with {others}, and convoy {convoy} lands "
        "together: change one of these tasks, or let the convoy go on with on_failure: continue"
    )
    draft.stuck.update((entry.id, reason("convoy conflict", words, convoy=convoy)) for entry in members)
    draft.needs_person = True


def void(situation: Situation, draft: Draft) -> None:
    """Take back each resolution that was made on work which has changed since, or does not land with it any more."""
    for entry in [e for e in draft.entries.values() if e.state in {"queued", "gating"}]:
        resolved = entry.resolved
        if resolved is None or all(_still_lands(situation, draft, entry, *below) for below in resolved.beneath):
            continue
        resolutions.keep_proposal(draft, entry)
        reason = "what it was merged with has changed, or does not land with it any more"
        taken_back = Unresolved(at=situation.now, way=resolved.way, outcome="stopped", reason=reason)
        save(draft, with_event(entry, taken_back, state="queued", proposal=None, candidate=None))


def _still_lands(situation: Situation, draft: Draft, entry: Entry, name: EntryId, work: CommitId) -> bool:
    other = draft.entries.get(name)
    if other is None or other.state in {"rejected", "dropped"} or other.work != work:
        return other is not None and other.state == "landed"
    convoy = holding(situation, entry.task)
    return other.state == "landed" or (convoy is not None and convoy == holding(situation, other.task))
