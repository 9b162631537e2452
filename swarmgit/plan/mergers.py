"""Conflicts that take a session: generated files made again (tier 2), and the role `merger` (tier 3).

The entry says all of it: `resolving` names the session and the two sides, `resolved` the proposal, `unresolved` why
there is none. A session that is named and not there is started; so a free place is waited for, and a crash heals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from swarmgit.documents import paths
from swarmgit.model.actions import FinishSession, Retire, Salvage, StartSession, StopSession
from swarmgit.model.desired import Runtime, Scope, Task
from swarmgit.model.ids import CommitId, SessionId, ulid
from swarmgit.model.observed import MergeTry
from swarmgit.model.status import Entry, Rejection
from swarmgit.model.work import Session, SessionSpec
from swarmgit.plan import agents, attribution, rejections, scope
from swarmgit.plan.attempts import RESTART_AFTER, merge_rejections
from swarmgit.plan.landings import save, with_event
from swarmgit.plan.lately import landed_since
from swarmgit.plan.merge_prompt import prompt_for_merge
from swarmgit.plan.patterns import matches
from swarmgit.plan.situation import Draft, Situation

TRIES_MAX = {"generated": 1, "ai": 2}
STARTS_MAX = 4
"""A session that the machine lost is no try, but not for ever."""

Facts = Mapping[str, Any]
"""What the event `resolving` says: session, try, way, onto, head, paths, may_change, with, and run or feedback."""

TIER_OF = {"generated": "auto", "ai": "ai"}
ROLE = "merger"


def begin(situation: Situation, draft: Draft, entry: Entry, tried: MergeTry) -> bool:
    """Let a session resolve what is left of an entry's conflict with the target; return whether a tier is left."""
    tiers = situation.swarm.merge.tiers
    way = "generated" if tried.regenerate and "auto" in tiers and _may_try(entry, "generated") else "ai"
    if way == "ai" and not ("ai" in tiers and _may_try(entry, "ai") and _runtime(situation, entry, "ai") is not None):
        return False
    may_change = tuple(dict.fromkeys((*tried.conflicts, *tried.both)))
    facts: dict[str, Any] = {
        "way": way,
        "onto": tried.base,
        "head": entry.work,
        "paths": list(tried.conflicts),
        "may_change": list(may_change),
        "with": _others(situation, draft, entry, may_change),
        **({"run": list(tried.regenerate)} if way == "generated" else {}),
    }
    _resolve(situation, draft, entry, facts)
    return True


def begin_again(situation: Situation, draft: Draft, entry: Entry, rejection: Rejection) -> bool:
    """Let the merger try again whose proposal a gate refused, with what the gate said; return whether it may."""
    before = entry.last("resolving")
    if entry.proposal is None or before is None or before["way"] != "ai" or not _may_try(entry, "ai"):
        return False
    keep = ("way", "onto", "head", "paths", "may_change", "with")
    feedback = {k: v for k, v in msgspec.to_builtins(rejection).items() if v}
    refused = with_event(situation, entry, "unresolved", {"way": "ai", "reason": rejection.summary})
    _resolve(situation, draft, refused, {**{key: before[key] for key in keep}, "feedback": feedback})
    return True


def _may_try(entry: Entry, way: str) -> bool:
    begun = sum(event.kind == "resolving" and event.data["way"] == way for event in entry.events)
    lost = sum(event.kind == "unresolved" and event.data.get("outcome") == "lost" for event in entry.events)
    return bool(begun - lost < TRIES_MAX[way] and begun < STARTS_MAX)


def _resolve(situation: Situation, draft: Draft, entry: Entry, facts: dict[str, Any]) -> None:
    number = sum(event.kind == "resolving" for event in entry.events) + 1
    session = SessionId(ulid(situation.now, f"merge/{entry.id}/{number}"))
    data = {"session": session, "try": number, **facts}
    save(draft, with_event(situation, entry, "resolving", data, state="resolving", proposal=None, candidate=None))


def _others(situation: Situation, draft: Draft, entry: Entry, touched: tuple[str, ...]) -> list[str]:
    """Return the tasks that landed since the entry began and may change one of these paths."""
    landed, _ = landed_since(situation, draft, entry.base)
    tasks = [situation.desired.tasks.get(other.task) for other in landed]
    return sorted({t.id for t in tasks if t is not None and any(scope.is_inside(path, t.scope) for path in touched)})


def _runtime(situation: Situation, entry: Entry, way: str) -> tuple[Runtime, str | None] | None:
    """Return who resolves: the tier that `routing.merge` names, else the task's own agent program.

    A plain command cannot be expected to merge unless it was named for that.
    """
    facts = entry.last("resolving") or {}
    if way == "generated":
        run = " && ".join(facts.get("run", ()))
        return Runtime("regenerate", "command", ("/bin/sh", "-c", f"set -e; {run}")), None
    swarm = situation.swarm
    tier = swarm.tiers.get(swarm.routing.get("merge", ""))
    if tier is not None:
        return swarm.runtimes.get(tier.runtime) or Runtime(tier.runtime, tier.runtime), tier.model
    task = situation.desired.tasks.get(entry.task)
    runtime, model = agents.runtime_of(swarm, task) if task is not None else (None, None)
    return (runtime, model) if runtime is not None and runtime.adapter not in {"command", ""} else None


# --- the session ------------------------------------------------------------------------------------------------------


def follow(situation: Situation, draft: Draft) -> None:
    """Start the sessions that are named and not there, and take in what has ended."""
    sessions = {id_: s for id_, s in situation.observed.sessions.items() if s.spec.kind == "merge"}
    for entry in [e for e in draft.entries.values() if e.state == "resolving"]:
        facts = entry.last("resolving") or {}
        session = sessions.pop(facts["session"], None)
        if session is None:
            _start(situation, draft, entry, facts)
        elif session.is_finished:
            _settle(situation, draft, entry, session)
        else:
            _watch(situation, draft, entry, session)
    for session in sessions.values():
        _let_go(situation, draft, session)


def _start(situation: Situation, draft: Draft, entry: Entry, facts: Facts) -> None:
    named = ", ".join(facts["paths"][:5])
    task, found = situation.desired.tasks.get(entry.task), _runtime(situation, entry, facts["way"])
    if task is None or found is None:
        _unresolved(situation, draft, entry, {"way": facts["way"], "reason": "nobody is left who could resolve it"})
        return
    working = agents.at_work(situation, draft)
    if situation.observed.freeze is not None or len(working) >= situation.swarm.agents_max:
        draft.stuck[entry.id] = f"it conflicts with the target in {named}; its resolution waits for a place"
        return
    runtime, model = found
    agent = agents.first_free(ROLE, frozenset(spec.agent for spec in working if spec.agent))
    spec = SessionSpec(
        id=SessionId(facts["session"]),
        kind="merge",
        base=CommitId(facts["onto"]),
        started=situation.now,
        minutes_max=situation.minutes_max(task),
        task=task.id,
        attempt=facts["try"],
        agent=agent,
        runtime=runtime.name,
        model=model,
        entry=entry.id,
        head=CommitId(facts["head"]),
    )
    draft.add(_start_session(situation, entry, spec, runtime))
    draft.stuck[entry.id] = f"{agent} starts to resolve its conflict in {named}"


def _start_session(situation: Situation, entry: Entry, spec: SessionSpec, runtime: Runtime) -> StartSession:
    facts = entry.last("resolving") or {}
    task = situation.desired.tasks[entry.task]
    feedback = msgspec.convert(facts["feedback"], Rejection) if facts.get("feedback") else None
    others = [situation.desired.tasks[name] for name in facts["with"] if name in situation.desired.tasks]
    merge = situation.swarm.merge
    return StartSession(
        spec=spec,
        task=task,
        runtime=runtime,
        worktree=situation.swarm.worktree,
        prompt=prompt_for_merge(situation.desired.roles.get(ROLE, ""), task, others, facts, feedback),
        reason=f"a conflict with the target in {', '.join(facts['paths'][:5])}",
        ports=situation.swarm.ports_per_session,
        feedback=feedback,
        auto=merge if "auto" in merge.tiers else None,
    )


def _watch(situation: Situation, draft: Draft, entry: Entry, session: Session) -> None:
    spec = session.spec
    draft.stuck[entry.id] = f"{spec.agent} resolves its conflict with the target"
    if session.is_over:
        draft.add(_finish(situation, session))
        return
    limit = spec.started + timedelta(minutes=spec.minutes_max)
    reason = session.stop_reason or (f"time limit of {spec.minutes_max:g} minutes" if situation.now >= limit else None)
    if reason:
        draft.add(StopSession(spec.id, spec.task, reason, situation.swarm.stop_grace_s))
        draft.wakes.append(min(0.2, situation.swarm.stop_grace_s))
        return
    draft.wake_at(limit, situation.now)
    found = _runtime(situation, entry, (entry.last("resolving") or {})["way"])
    is_cut_off = session.state == "starting" and situation.now - spec.started > RESTART_AFTER
    if is_cut_off and found is not None and entry.task in situation.desired.tasks:
        draft.add(_start_session(situation, entry, spec, found[0]))


def _finish(situation: Situation, session: Session) -> FinishSession:
    title = f"Merge {session.spec.task} with what landed since"
    return FinishSession(session.spec, title, situation.desired.gates, situation.swarm.worktree, salvage=False)


def _let_go(situation: Situation, draft: Draft, session: Session) -> None:
    """End a session whose entry does not wait for it any more; what it made is kept."""
    spec = session.spec
    if not session.is_over:
        draft.add(StopSession(spec.id, spec.task, "its entry left the queue", situation.swarm.stop_grace_s))
        draft.wakes.append(min(0.2, situation.swarm.stop_grace_s))
    elif not session.is_finished:
        draft.add(replace(_finish(situation, session), salvage=True))
    else:
        draft.add(Retire(spec.id))


# --- what came of it --------------------------------------------------------------------------------------------------


def _settle(situation: Situation, draft: Draft, entry: Entry, session: Session) -> None:
    facts, spec, usage = entry.last("resolving") or {}, session.spec, session.stream.usage
    outcome, reason = _judge(situation, entry, session, facts)
    data: dict[str, Any] = {
        "way": facts["way"],
        "session": spec.id,
        "agent": spec.agent,
        "runtime": spec.runtime,
        **({"model": spec.model} if spec.model else {}),
        **({"tokens": usage.tokens, "usd": usage.usd} if usage.tokens else {}),
    }
    draft.add(*attribution.merge_lines(spec, session, outcome, reason))
    draft.add(Retire(spec.id))
    capture = session.capture
    if outcome != "resolved" or capture is None:
        if capture is not None and capture.changes and capture.salvage is None:
            ref = paths.salvage_ref(entry.task, spec.id)
            draft.add(Salvage(entry.task, spec.id, capture.commit, ref))
            data["salvage"] = ref
        _unresolved(situation, draft, entry, {**data, "outcome": outcome, "reason": reason})
        return
    done = {
        "tier": TIER_OF[facts["way"]],
        "proposal": capture.commit,
        "with": facts["with"],
        "resolution": [{"path": path, "resolvers": [spec.agent]} for path in facts["paths"]],
    }
    save(draft, with_event(situation, entry, "resolved", {**data, **done}, state="queued", proposal=capture.commit))


def _unresolved(situation: Situation, draft: Draft, entry: Entry, data: dict[str, Any]) -> None:
    """Put the entry back in line: its conflict is found again, and the next tier or try is chosen then."""
    save(draft, with_event(situation, entry, "unresolved", data, state="queued", proposal=None))


def _judge(situation: Situation, entry: Entry, session: Session, facts: Facts) -> tuple[str, str]:
    """Return (resolved, failed or lost; why). Only the files that both sides touched may have changed."""
    capture = session.capture
    if session.state == "lost" or session.error or session.exit_code is None:
        return "lost", session.error or "its processes were killed from outside"
    if session.stop_reason or session.exit_code != 0:
        return "failed", session.stop_reason or rejections.by_exit(session).summary
    if capture is None:
        return "lost", "its worktree was gone before its work could be taken in"
    task = situation.desired.tasks.get(entry.task)
    if task is None:
        return "failed", "the task was removed from intent"
    allowed: tuple[str, ...] = tuple(facts["may_change"])
    patterns = tuple(p for made in situation.swarm.merge.generated for p in made.files)
    outside = [c.path for c in capture.changes if c.path not in allowed and not matches(c.path, patterns)]
    if outside:
        return "failed", f"it changed {', '.join(outside[:5])}, which only one side had touched"
    refused = scope.judge(capture, _with_leave(task), situation.desired.policy)
    return ("failed", merge_rejections(refused).summary) if refused else ("resolved", "")


def _with_leave(task: Task) -> Task:
    """Return the task as the merger is judged by: the paths are checked already, everything else holds."""
    return replace(task, scope=Scope(owns=("**",)), review="auto")
