"""What cannot be had is lost work: its entry leaves the line with that reason, and its task runs again."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.queue import WAITING, Dropped, Entry, Resolving, Unresolved
from swarmgit.plan.landings import abandon, save, unpin, with_event
from swarmgit.plan.resolutions import keep_proposal
from swarmgit.plan.situation import Draft, Situation


def settle(situation: Situation, draft: Draft) -> None:
    """Take out of the line whose work cannot be had; what was only derived from work is made again."""
    if not situation.observed.missing:
        return
    for entry in tuple(draft.entries.values()):
        if entry.state in WAITING:
            _waiting(situation, draft, entry)
        elif entry.state == "landing" and entry.candidate is not None:
            _landing(situation, draft, entry)


def _waiting(situation: Situation, draft: Draft, entry: Entry) -> None:
    if gone := situation.lacks(entry.head, entry.base):
        reason = f"what it stands on cannot be had: {gone}"
        if not situation.lacks(entry.proposal):
            keep_proposal(draft, entry)
        save(draft, with_event(entry, Dropped(at=situation.now, reason=reason), state="dropped"))
        draft.add(unpin(entry))
    elif gone := situation.lacks(entry.proposal):
        begun = entry.last(Resolving)
        ended = Unresolved(at=situation.now, way=begun.way if begun else "ai", reason=gone, outcome="lost")
        save(draft, with_event(entry, ended, state="queued", proposal=None, candidate=None))
    elif entry.candidate is not None and situation.lacks(entry.candidate.commit):
        save(draft, replace(entry, candidate=None))


def _landing(situation: Situation, draft: Draft, entry: Entry) -> None:
    """Take back the intent to land a candidate that is gone, unless a remote may have taken it already."""
    remote = situation.observed.remote
    gone = situation.lacks(entry.candidate.commit if entry.candidate else None)
    if gone and (remote is None or remote.relation != "ahead"):
        abandon(situation, draft, entry, gone)
