"""Whether an entry lands only with a person's verdict, which question is open, and what the person answered.

The entry says all of it: `held` is the question (why, and about what). A verdict answers one question.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from swarmgit.model.control import Verdict
from swarmgit.model.policy import Policy
from swarmgit.model.queue import Entry, Held, Revived
from swarmgit.plan.situation import Situation
from swarmgit.plan.times import is_over

PATHS_SHOWN = 3


def why(situation: Situation, entry: Entry) -> str:
    """Return why an entry lands only with a person's verdict, '' where it needs none."""
    if entry.guarded:
        more = f" and {len(entry.guarded) - PATHS_SHOWN} more" if len(entry.guarded) > PATHS_SHOWN else ""
        return f"it changes {', '.join(entry.guarded[:PATHS_SHOWN])}{more}"
    task = situation.desired.tasks.get(entry.task)
    return "its task says review: full" if task is not None and task.review == "full" else ""


def policy_key(policy: Policy) -> str:
    """Return the digest of the policy that a verdict is given under."""
    return hashlib.sha256(repr(policy).encode()).hexdigest()[:16]


def asked(entry: Entry) -> int:
    """Return the number of the question that is open or answered last; 0 where none was asked about this work."""
    fresh = max((n for n, event in enumerate(entry.events) if isinstance(event, Revived)), default=-1)
    rounds = [n for n, event in enumerate(entry.events) if isinstance(event, Held)]
    return len(rounds) if rounds and rounds[-1] > fresh else 0


def is_passed(situation: Situation, entry: Entry) -> bool:
    """Return whether a person has passed an entry: it goes to the front."""
    verdict = answer(situation, entry)
    return verdict is not None and verdict.verdict == "pass" and bool(why(situation, entry))


def owns_files(situation: Situation, entry: Entry) -> bool:
    """Return whether a held entry still keeps its files from other tasks."""
    first = next((held.at for held in entry.every(Held)), situation.now)
    hours = timedelta(hours=situation.desired.policy.review.hold_owns_hours)
    return not is_over(first, hours, situation.now)


def answer(situation: Situation, entry: Entry) -> Verdict | None:
    """Return what a person says to the question that is open about an entry, None where nobody has answered it."""
    verdict = situation.observed.verdicts.get(entry.id)
    if verdict is None or verdict.round != asked(entry) or verdict.head != entry.head:
        return None
    is_current = verdict.verdict == "fail" or verdict.policy == policy_key(situation.desired.policy)
    return verdict if is_current else None
