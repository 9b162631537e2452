"""What keeps a person's checkout from a landing, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from shlex import quote

from swarmgit.model.checkouts import HUNG_FILTER, INDEX_LOCK, Behind, IndexLock
from swarmgit.model.outcomes import Blocked

UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-apply": "a rebase or am",
    "rebase-merge": "a rebase",
    "sequencer": "a cherry-pick or revert",
    "BISECT_START": "a bisection",
}
SHOWN_MAX = 5


def in_the_way(paths: Sequence[str], locks: Sequence[IndexLock] = (), now: datetime | None = None) -> str:
    """Return what a landing waits for: another git's lock, a command that is under way, or edits in files."""
    if list(paths) == [INDEX_LOCK]:
        return " and ".join(locked(each, now) for each in locks) or "another git command holds its index.lock"
    if len(paths) == 1 and paths[0] in UNDER_WAY:
        return f"{UNDER_WAY[paths[0]]} is under way in the checkout of the target"
    if paths[0] == HUNG_FILTER:
        return f"git does not come to an end with {_named(paths[1:])}: a filter in its settings hangs"
    return f"a local edit is in its way in {_named(paths)}"


def waits(paths: Sequence[str], locks: Sequence[IndexLock], now: datetime) -> str:
    """Return why a landing waits, as a sentence without its full stop."""
    if paths[0] in {INDEX_LOCK, HUNG_FILTER} or (len(paths) == 1 and paths[0] in UNDER_WAY):
        return f"The landing waits: {in_the_way(paths, locks, now)}"
    return f"The landing waits, because a checkout of the target has edits of yours in {_named(paths)}"


def holding(blocked: Blocked, now: datetime | None = None) -> str:
    """Return which checkout a landing waits for, for what in it, and what helps."""
    what = in_the_way(blocked.paths, blocked.locks, now)
    return f"the landing waits: {blocked.checkout}: {what}; {answer(blocked.paths, blocked.locks)}"


def locked(lock: IndexLock, now: datetime | None) -> str:
    """Return who holds the lock of an index, and since when."""
    age = f" since {_span(now - lock.since)}" if now is not None and now > lock.since else ""
    if lock.is_used:
        return f"a git command that is at work holds {lock.path}{age}"
    return f"a git command that is not there any more left {lock.path}{age}"


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN_MAX} more" if len(paths) > SHOWN_MAX else ""
    return ", ".join(paths[:SHOWN_MAX]) + more


def _span(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def answer(paths: Sequence[str], locks: Sequence[IndexLock] = ()) -> str:
    """Return the command that shows what is in the way, and what to do then."""
    if list(paths) == [INDEX_LOCK]:
        return "; ".join(commands(paths, locks)) or "let that git command finish"
    if len(paths) == 1 and paths[0] in UNDER_WAY:
        return "git status; then finish or abort what is under way"
    if paths[0] == HUNG_FILTER:
        return "git status; git config --get-regexp '^filter'; then repair or unset the filter that hangs"
    return "git status; then commit or stash the edits"


def commands(paths: Sequence[str], locks: Sequence[IndexLock] = ()) -> tuple[str, ...]:
    """Return what to run about what is in the way, best first; nothing where it passes by itself."""
    if list(paths) == [INDEX_LOCK]:
        return tuple(f"rm {quote(each.path)}" for each in locks if not each.is_used)
    return ("git config --get-regexp '^filter'",) if paths[0] == HUNG_FILTER else ("git status",)


def behind(seen: Behind) -> str:
    """Return what a checkout does not show yet, and why."""
    files = ", ".join(seen.paths[:SHOWN_MAX]) or "what has landed"
    tried = f"; tried again {seen.tries} times" if seen.tries else ""
    return f"{seen.checkout} does not show {files} of {seen.commit[:10]} yet: {seen.why}{tried}"


def catching_up(seen: Behind) -> str:
    """Return how a checkout catches up."""
    first = f"git -C {quote(seen.checkout)} checkout -- {quote(seen.paths[0])}" if seen.paths else "git status"
    return f"repair what git names, then: swarmgit reconcile; by hand: {first}"
