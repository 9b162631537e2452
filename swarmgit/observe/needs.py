"""Which commits open work stands on: without them it can neither be taken in, judged nor landed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Lack, MergeTry
from swarmgit.model.status import FINISHED, WAITING, Entry, TaskStatus
from swarmgit.model.work import Session
from swarmgit.observe.state import Stored

Merges = Mapping[tuple[CommitId, CommitId], MergeTry]


def needed(stored: Stored, sessions: Iterable[Session], merges: Merges) -> frozenset[CommitId]:
    """Return the commits of sessions, last attempts and open entries, and the candidates that were made of these."""
    found = {commit for status in stored.statuses.values() for commit in _of_task(status)}
    found |= {commit for session in sessions for commit in (session.spec.base, session.spec.head) if commit}
    entries = [entry for entry in stored.entries.values() if entry.state in WAITING or entry.state == "landing"]
    found |= {commit for entry in entries for commit in _of_entry(entry)}
    works = {entry.work for entry in entries}
    made = {tried.commit for tried in merges.values() if tried.commit and tried.head in works}
    made |= {tried.commit for tried in merges.values() if tried.commit and tried.head in made}
    return frozenset(found | made)


def kept(merges: Merges, missing: Mapping[CommitId, Lack]) -> Merges:
    """Return the merges whose candidates can be had; the others are made again."""
    if not missing or not any(tried.commit in missing for tried in merges.values()):
        return merges
    return {key: tried for key, tried in merges.items() if tried.commit not in missing}


def _of_task(status: TaskStatus) -> Iterator[CommitId]:
    last = status.last
    if last is not None and status.phase not in FINISHED:
        yield last.base
        if last.head is not None:
            yield last.head


def _of_entry(entry: Entry) -> Iterator[CommitId]:
    yield from (entry.base, entry.head)
    if entry.proposal is not None:
        yield entry.proposal
    if entry.candidate is not None:
        yield entry.candidate.commit
