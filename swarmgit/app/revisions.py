"""Naming a commit of the state branch: a revision as git writes it, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from swarmgit.errors import PersonMustAct
from swarmgit.model.ids import CommitId
from swarmgit.ports.world import ReadWorld

HEAD = re.compile(r"(?:HEAD|@)?((?:[~^][0-9]*)*)")
OBJECT = re.compile(r"[0-9a-f]{4,64}((?:[~^][0-9]*)*)")
AGO = re.compile(r"(\d+) ?(second|minute|hour|day|week)s?(?: ago)?")
COMMITS_MAX = 1_000_000


def state_commit(world: ReadWorld, rev: str) -> CommitId:
    """Return the commit that `rev` names on the state branch, or raise: HEAD~3, ~3, an id, 2 hours ago, a date."""
    found = _by_name(world, rev) or _by_time(world, rev)
    if found is None:
        hint = "name one as in 'swarmgit log', or HEAD~3, '2 hours ago', '2026-01-31T12:00'"
        raise PersonMustAct(f"the state branch has no revision {rev!r}", hint)
    return found


def _by_name(world: ReadWorld, rev: str) -> CommitId | None:
    head = world.state.head()
    named = HEAD.fullmatch(rev.removeprefix(world.repository.state_branch))
    if head is None:
        return None
    if named and rev:
        return _resolved(world, f"{head}{named[1]}")
    return _resolved(world, rev) if OBJECT.fullmatch(rev) else None


def _resolved(world: ReadWorld, spec: str) -> CommitId | None:
    oid = world.objects.resolve(f"{spec}^{{commit}}")
    return CommitId(oid) if oid else None


def _by_time(world: ReadWorld, rev: str) -> CommitId | None:
    """Return the newest commit that is not younger than the time."""
    at = parse_time(rev, world.clock.now())
    commit = world.state.head() if at else None
    for _ in range(COMMITS_MAX):
        if commit is None or at is None:
            return None
        info = world.objects.commit(commit)
        if info.committed <= at:
            return commit
        commit = next(iter(info.parents), None)
    return None


def parse_time(text: str, now: datetime) -> datetime | None:
    """Return 'N hours ago' or an ISO 8601 date or time (UTC where it names no zone); None for anything else."""
    ago = AGO.fullmatch(text.strip())
    if ago:
        return now - timedelta(**{f"{ago[2]}s": int(ago[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
