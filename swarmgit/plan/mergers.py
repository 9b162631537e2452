"""The sessions that resolve conflicts: started where an entry names one that is not there, watched, judged, let go of.

So a free place is waited for and a crash heals by one rule. `resolutions` says which conflict takes a session.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.model.actions import Action, FinishSession, Retire, Salvage, StartSession
from swarmgit.model.desired import Runtime, Scope, Task
from swarmgit.model.endings import KILLED, Stop
from swarmgit.model.ids import SessionId
from swarmgit.model.queue import Entry, ResolutionOutcome, Resolved, Resolving, Unresolved
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.sessions import MergeSession, MergeSpec, of_kind
from swarmgit.plan import (
    agents,
    attribution,
    blocked,
    books,
    budget,
    excess,
    governor,
    ports,
    rejections,
    scope,
    tiers,
    watchdog,
)
from swarmgit.plan.guarded import guarded_paths
from swarmgit.plan.landings import save, with_event
from swarmgit.plan.merge_prompt import prompt_for_merge
from swarmgit.plan.patterns import matches
from swarmgit.plan.resolutions import keep_proposal, runtime_for, then_generate
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.supervise import end, supervise

TIER_OF = {"generated": "auto", "ai": "ai"}
ROLE = "merger"


def follow(situation: Situation, draft: Draft) -> None:
    """Start the sessions that are named and not there, and take in what has ended."""
    sessions = {session.spec.id: session for session in of_kind(situation.observed.sessions.values(), MergeSession)}
    for entry in [e for e in draft.entries.values() if e.state == "resolving"]:
        begun = entry.last(Resolving)
        if begun is None:  # only a hand-made file says so
            why = "nothing says which session resolves it"
            _unresolved(draft, entry, Unresolved(at=situation.now, way="ai", reason=why))
            continue
        session = sessions.pop(begun.session, None)
        if session is None:
            _start(situation, draft, entry, begun)
        elif session.is_finished:
            _settle(situation, draft, entry, session, begun)
        else:
            _watch(situation, draft, entry, session, begun)
    for session in sessions.values():
        _let_go(situation, draft, session)


def _start(situation: Situation, draft: Draft, entry: Entry, begun: Resolving) -> None:
    named = ", ".join(begun.paths[:5])
    task, found = situation.desired.tasks.get(entry.task), _runtime(situation, entry, begun)
    if task is None or found is None:
        why = "nobody is left who could resolve it"
        _unresolved(draft, entry, Unresolved(at=situation.now, way=begun.way, reason=why))
        return
    working = agents.at_work(situation, draft)
    held = blocked.by(situation, task)
    if held is None and begun.way == "ai":
        held = _no_provider(situation, draft, task, begun.session, found)
    held = held or blocked.by_disk(situation)
    if held is not None or len(working) >= situation.swarm.agents_max:
        held = held or reason("slot", "its resolution waits for a place")
        draft.stuck[entry.id] = replace(held, text=f"it conflicts with the target in {named}; {held.text}")
        return
    leased = ports.lease(situation, draft)
    if leased is None:
        draft.stuck[entry.id] = reason("ports", f"its resolution waits: {ports.wait(situation, draft, task.id)}")
        return
    runtime, model = found
    agent = agents.first_free(ROLE, frozenset(spec.agent for spec in working))
    spec = MergeSpec(
        id=begun.session,
        base=begun.onto,
        started=situation.now,
        minutes_max=situation.minutes_max(task),
        task=task.id,
        attempt=begun.number,
        agent=agent,
        runtime=runtime.name,
        model=model,
        entry=entry.id,
        head=begun.head,
        ports=leased,
    )
    draft.add(_start_session(situation, entry, spec, runtime, begun))
    text = f"{agent} starts to resolve its conflict in {named}"
    draft.stuck[entry.id] = reason("conflict", text, entry=entry.id)


def _no_provider(
    situation: Situation, draft: Draft, task: Task, session: SessionId, found: tuple[Runtime, str | None]
) -> Reason | None:
    """Return why a merger cannot use its provider now: money, a pause, credentials, or policy."""
    wait = budget.wait_beside(situation, draft, task)
    wait = wait or governor.wait_beside(situation, draft, found[0], session, task.id)
    return wait or blocked.by_network(situation, found[0].name, found[1])


def _start_session(
    situation: Situation, entry: Entry, spec: MergeSpec, runtime: Runtime, begun: Resolving
) -> StartSession:
    task = situation.desired.tasks[entry.task]
    entries = situation.observed.entries
    siblings = [entries[name].task for name, _ in begun.beneath if name in entries]
    others = [situation.desired.tasks[name] for name in (*begun.others, *siblings) if name in situation.desired.tasks]
    merge = situation.swarm.merge
    return StartSession(
        spec=spec,
        task=task,
        runtime=runtime,
        worktree=situation.swarm.worktree,
        prompt=prompt_for_merge(situation.desired.roles.get(ROLE, ""), task, others, begun),
        reason=f"a conflict with the target in {', '.join(begun.paths[:5])}",
        feedback=begun.feedback,
        auto=merge if "auto" in merge.tiers else None,
    )


def _runtime(situation: Situation, entry: Entry, begun: Resolving) -> tuple[Runtime, str | None] | None:
    if begun.way == "ai":
        return runtime_for(situation, entry)
    return Runtime("regenerate", "command", ("/bin/sh", "-c", "set -e; " + " && ".join(begun.run))), None


def _watch(situation: Situation, draft: Draft, entry: Entry, session: MergeSession, begun: Resolving) -> None:
    spec = session.spec
    text = f"{spec.agent} resolves its conflict with the target"
    draft.stuck[entry.id] = reason("conflict", text, entry=entry.id)
    if session.is_over:
        draft.add(_finish(situation, session))
        return
    task = situation.desired.tasks.get(entry.task)

    def again() -> Action | None:
        found = _runtime(situation, entry, begun)
        return (
            _start_session(situation, entry, spec, found[0], begun) if found is not None and task is not None else None
        )

    def watched() -> Stop | None:
        is_running = task is not None and session.state == "running"
        return watchdog.watch_merger(situation, draft, task, session) if task is not None and is_running else None

    status = situation.observed.statuses.get(entry.task)
    costs = partial(budget.stop, situation, task, status, session)
    supervise(situation, draft, session, again, costs, watched)


def _finish(situation: Situation, session: MergeSession) -> FinishSession:
    title = f"Merge {session.spec.task} with what landed since"
    merge = situation.swarm.merge
    return FinishSession(
        session.spec,
        title,
        situation.desired.gates,
        situation.swarm.worktree,
        salvage=False,
        auto=merge if "auto" in merge.tiers else None,
    )


def _let_go(situation: Situation, draft: Draft, session: MergeSession) -> None:
    """End a session whose entry does not wait for it any more; what it made is kept."""
    spec = session.spec
    if not session.is_over:
        end(situation, draft, session, Stop("its entry left the queue"))
    elif not session.is_finished:
        draft.add(replace(_finish(situation, session), salvage=True))
    else:
        governor.keep_aside(situation, draft, session, "stopped")
        draft.add(*_salvage(session), Retire(spec.id))


def _salvage(session: MergeSession) -> tuple[Salvage, ...]:
    """Return what keeps the work of a session that came to nothing."""
    spec, capture = session.spec, session.capture
    if capture is None or not capture.changes or capture.salvage is not None:
        return ()
    return (Salvage(spec.task, spec.id, capture.commit, paths.salvage_ref(spec.task, spec.id)),)


# --- what came of it --------------------------------------------------------------------------------------------------


def _settle(situation: Situation, draft: Draft, entry: Entry, session: MergeSession, begun: Resolving) -> None:
    spec, capture, usage = session.spec, session.capture, books.own_usage(session, ())
    outcome, reason = _judge(situation, entry, session, begun)
    said: dict[str, Any] = {
        "at": situation.now,
        "way": begun.way,
        "session": spec.id,
        "agent": spec.agent,
        "runtime": spec.runtime,
        "model": spec.model or None,
        **({"tokens": usage.tokens, "usd": usage.usd} if usage.tokens else {}),
    }
    draft.add(*attribution.merge_lines(session, outcome, reason))
    governor.keep_aside(situation, draft, session, outcome)
    draft.add(Retire(spec.id))
    if outcome != "resolved" or capture is None:
        saved = _salvage(session)
        draft.add(*saved)
        ref = saved[0].ref if saved else None
        _unresolved(draft, entry, Unresolved(outcome=outcome, reason=reason, salvage=ref, **said))
        return
    both = (TIER_OF[begun.way], entry.resolved.tier if entry.resolved else "clean")
    resolved = Resolved(
        tier=max(both, key=tiers.hardness),
        proposal=capture.commit,
        others=begun.others,
        beneath=begun.beneath,
        resolution=tuple({"path": path, "resolvers": [spec.agent]} for path in begun.paths),
        **said,
    )
    more = guarded_paths(capture.changes, situation.desired.policy, situation.observed.obeyed)
    guarded = tuple(dict.fromkeys((*entry.guarded, *more)))
    entry = with_event(entry, resolved, state="queued", proposal=capture.commit, guarded=guarded)
    save(draft, entry)
    then_generate(situation, draft, entry, begun)


def _unresolved(draft: Draft, entry: Entry, ended: Unresolved) -> None:
    """Put the entry back in line: its conflict is found again, and the next tier or try is chosen then."""
    if ended.way == "generated" and entry.proposal is not None:  # its generated files are not right yet
        keep_proposal(draft, entry)
        entry = replace(entry, proposal=None)
    save(draft, with_event(entry, ended, state="queued"))


def _judge(
    situation: Situation, entry: Entry, session: MergeSession, begun: Resolving
) -> tuple[ResolutionOutcome, str]:
    """Return (resolved, failed, paused, stopped or lost; why)."""
    bad = _bad_end(session)
    return bad if bad is not None else _judge_work(situation, entry, session, begun)


def _bad_end(session: MergeSession) -> tuple[ResolutionOutcome, str] | None:
    stop, code = session.stop, session.exit_code
    if session.excess is not None:
        return "failed", session.excess.sentence
    if excess.is_unheard(session):
        return "lost", excess.UNHEARD
    if stop is not None:
        return ("failed" if stop.kind in {"time-limit", "budget", "watchdog"} else "stopped"), stop.text
    if session.state == "lost" or session.error or code is None or code == KILLED:
        return "lost", session.error or "its processes were killed from outside"
    fault = session.stream.fault
    if fault is not None and fault.kind in {"rate-limit", "transient"}:
        return "paused", fault.message
    if fault is not None or code != 0:
        return "failed", fault.message if fault is not None else rejections.by_exit(session).summary
    return None


def _judge_work(
    situation: Situation, entry: Entry, session: MergeSession, begun: Resolving
) -> tuple[ResolutionOutcome, str]:
    """Return whether what it made resolves the conflict. Only the files that both sides touched may have changed."""
    capture = session.capture
    if capture is None:
        return "lost", "its worktree was gone before its work could be taken in"
    task = situation.desired.tasks.get(entry.task)
    if task is None:
        return "failed", "the task was removed from intent"
    patterns = tuple(p for made in situation.swarm.merge.generated for p in made.files)
    outside = [c.path for c in capture.changes if c.path not in begun.may_change and not matches(c.path, patterns)]
    if outside:
        return "failed", f"it changed {', '.join(outside[:5])}, which only one side had touched"
    if capture.undecided:
        return "failed", f"it decided nothing about {', '.join(capture.undecided[:5])}"
    refused = scope.judge(capture, _with_leave(task), situation.desired.policy, situation.observed.obeyed)
    return ("failed", rejections.merged(refused).summary) if refused else ("resolved", "")


def _with_leave(task: Task) -> Task:
    """Return the task as the merger is judged by: the paths are checked already, everything else holds."""
    return replace(task, scope=Scope(owns=(*task.scope.owns, "**")))
