"""Which commits open work stands on: without them it can neither be taken in, judged nor landed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Lack, MergeTry, Stored
from swarmgit.model.queue import WAITING, Entry
from swarmgit.model.sessions import GateSession, MergeSpec, ProgramSession, Session, of_kind
from swarmgit.model.status import FINISHED, TaskStatus

Merges = Mapping[tuple[CommitId, CommitId], MergeTry]


def stands_on(stored: Stored, sessions: Iterable[Session]) -> frozenset[CommitId]:
    """Return where sessions and last attempts began, what was submitted, and what was proposed for it."""
    found = {commit for status in stored.statuses.values() for commit in _of_task(status)}
    working = [session.spec for session in of_kind(sessions, ProgramSession)]
    found |= {spec.base for spec in working} | {spec.head for spec in working if isinstance(spec, MergeSpec)}
    found |= {commit for entry in open_entries(stored) for commit in (entry.base, entry.head, entry.proposal) if commit}
    return frozenset(found)


def derived(stored: Stored, sessions: Iterable[Session], merges: Merges) -> frozenset[CommitId]:
    """Return what can be made again of that: candidates, and what gates run on."""
    found = {session.spec.base for session in of_kind(sessions, GateSession)}
    entries = open_entries(stored)
    found |= {entry.candidate.commit for entry in entries if entry.candidate is not None}
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


def open_entries(stored: Stored) -> list[Entry]:
    """Return the entries that may still land."""
    return [entry for entry in stored.entries.values() if entry.state in WAITING or entry.state == "landing"]
