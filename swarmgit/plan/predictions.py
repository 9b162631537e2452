"""Conflicts foreseen: an agent at work is told when what it has changed so far clashes with what has landed since."""

from __future__ import annotations

from datetime import timedelta

from swarmgit.documents import quoting
from swarmgit.model.actions import Predict
from swarmgit.model.desired import Task
from swarmgit.model.mail import Letter
from swarmgit.model.sessions import AgentSession, of_kind
from swarmgit.model.work import Prediction
from swarmgit.plan import mail
from swarmgit.plan.lately import landed_since
from swarmgit.plan.patterns import meet
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.times import is_ahead, is_over

PER_TICK_MAX = 2
"""Worktrees looked at in one tick: a look reads the whole worktree's times and sizes."""

AGAIN_AFTER = timedelta(minutes=1)
PATHS_SHOWN = 20


def foresee(situation: Situation, draft: Draft) -> None:
    """Look at the worktrees whose task may touch what has landed since, and warn of the conflicts that were found."""
    target = situation.observed.target_head
    merge = situation.swarm.merge if "auto" in situation.swarm.merge.tiers else None
    looked = 0
    for session in of_kind(situation.observed.sessions.values(), AgentSession):
        spec = session.spec
        task = situation.desired.tasks.get(spec.task)
        if session.state != "running" or target in {None, spec.base} or task is None:
            continue
        seen = session.predicted
        if seen is not None and seen.onto == target and seen.paths:
            _warn(situation, draft, session, seen)
        if looked < PER_TICK_MAX and _is_due(situation, session) and _may_clash(situation, draft, session, task):
            assert target is not None
            draft.add(Predict(spec.id, target, merge))
            looked += 1


def _is_due(situation: Situation, session: AgentSession) -> bool:
    """Return whether to look: the target has moved since the last look, or the agent has gone on for a while."""
    seen = session.predicted
    if seen is None or seen.onto != situation.observed.target_head:
        return True
    has_gone_on = (session.last_output or session.spec.started) > seen.at or is_ahead(seen.at, situation.now)
    return has_gone_on and is_over(seen.at, AGAIN_AFTER, situation.now)


def _may_clash(situation: Situation, draft: Draft, session: AgentSession, task: Task) -> bool:
    landed = landed_since(situation, draft, session.spec.base, session.spec.started)
    if situation.observed.target_head not in {entry.landed_commit for entry in landed}:
        return True  # somebody else's commit: nobody knows what it touched
    mine = (*task.scope.owns, *task.scope.shares)
    others = [situation.desired.tasks.get(entry.task) for entry in landed]
    theirs = {pattern for other in others if other for pattern in (*other.scope.owns, *other.scope.shares)}
    return any(meet(one, other) for one in mine for other in theirs)


def _warn(situation: Situation, draft: Draft, session: AgentSession, seen: Prediction) -> None:
    spec = session.spec
    assert spec.agent is not None
    landed = landed_since(situation, draft, spec.base, spec.started)
    since = ", ".join(sorted({entry.task for entry in landed})[:10]) or "somebody's commit"
    shown = seen.paths[:PATHS_SHOWN]
    lines = [
        f"The target has moved to {seen.onto[:12]} since you began ({since} landed). Merged with it, what you have",
        "changed so far conflicts in:",
        *(f"- {quoting.line(path)}" for path in shown),
        *([f"and {len(seen.paths) - len(shown)} more"] if len(seen.paths) > len(shown) else []),
        "",
        f"See what changed there with: git diff {spec.base[:12]} {seen.onto[:12]} -- <path>",
        "Keep your change small in these places, and fit it to what is there now.",
    ]
    letter = Letter(
        to=(spec.agent,),
        subject=f"your change conflicts with what has landed, in {quoting.line(shown[0])}",
        body="\n".join(lines),
        priority="high",
        task=spec.task,
    )
    mail.from_swarmgit(situation, draft, letter, f"conflict/{spec.id}/{'/'.join(seen.paths)}")
