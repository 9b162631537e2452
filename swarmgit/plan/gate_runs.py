"""Gate runs: which of the wanted ones start, which running ones nobody needs any more, and what became of the ended."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from swarmgit.model.actions import Action, KeepEvidence, Retire, RunGate, Save
from swarmgit.model.endings import Stop
from swarmgit.model.failures import Step
from swarmgit.model.histories import GateHistory
from swarmgit.model.ids import EvidenceKey, GateName, SessionId, ulid
from swarmgit.model.sessions import GateSession, GateSpec, of_kind
from swarmgit.model.status import GateResult
from swarmgit.model.work import Evidence
from swarmgit.plan import failures, flakes, full_runs
from swarmgit.plan.situation import Draft, Situation, Want
from swarmgit.plan.supervise import supervise
from swarmgit.state import kinds

RECENT_MAX = 20


def collect(situation: Situation, draft: Draft) -> None:
    """Keep the answers of runs that have ended, count them in the gates' histories, and let the sessions go."""
    configured = {gate.name for gate in situation.desired.gates}
    chosen = {session.spec.id: session for session in situation.gate_sessions.values()}
    for seen in of_kind(situation.observed.sessions.values(), GateSession):
        if not seen.is_over:
            continue
        session = chosen.get(seen.spec.id, seen)
        evidence = session.evidence
        if evidence is None:
            draft.add(Retire(session.spec.id))
            continue
        if situation.observed.evidence.get(evidence.key) != evidence:
            draft.add(KeepEvidence(evidence))
        draft.add(Retire(session.spec.id))
        if evidence.gate in configured:
            history = _counted(situation, _history(situation, draft, evidence.gate), evidence)
            draft.histories[evidence.gate] = full_runs.noted(situation, draft, history, session)


def count_reuse(situation: Situation, draft: Draft, results: Iterable[GateResult]) -> None:
    """Count the answers that were taken over instead of run again."""
    configured = {gate.name for gate in situation.desired.gates}
    for result in results:
        if result.reused and result.gate in configured:
            history = _history(situation, draft, result.gate)
            draft.histories[result.gate] = replace(history, reused=history.reused + 1)


def save_histories(situation: Situation, draft: Draft) -> None:
    for name, history in sorted(draft.histories.items()):
        is_new = situation.observed.gate_histories.get(name) != history
        if is_new and not situation.observed.is_broken(kinds.GATES.file(name)):
            draft.add(Save(history))


def _history(situation: Situation, draft: Draft, gate: GateName) -> GateHistory:
    known = draft.histories.get(gate) or situation.observed.gate_histories.get(gate)
    return known or GateHistory(gate=gate)


def _counted(situation: Situation, history: GateHistory, evidence: Evidence) -> GateHistory:
    """Return the history with one more run; a run that it has already is not counted again (a crash repeats us)."""
    if any(run.get("session") == evidence.session for run in history.recent):
        return history
    history = flakes.noted(history, evidence, situation.observed.trusted_since)
    run = {
        "key": evidence.key,
        "session": evidence.session,
        "outcome": evidence.outcome,
        "tree": evidence.tree,
        "seconds": round(evidence.seconds, 3),
        "at": evidence.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **({"reason": evidence.reason} if evidence.reason else {}),
    }
    return replace(
        history,
        passed=history.passed + (evidence.outcome == "pass"),
        failed=history.failed + (evidence.outcome == "fail"),
        errors=history.errors + (evidence.outcome == "error"),
        seconds=round(history.seconds + evidence.seconds, 3),
        last_pass=evidence.at if evidence.outcome == "pass" else history.last_pass,
        last_fail=evidence.at if evidence.outcome == "fail" else history.last_fail,
        recent=(*history.recent, run)[-RECENT_MAX:],
    )


def run(situation: Situation, draft: Draft) -> None:
    """Start the most urgent wanted runs in the free slots; stop those past their time and those nobody wants."""
    wanted: dict[EvidenceKey, Want] = {}
    for item in sorted(draft.wants, key=lambda w: (w.rank, w.task or "", w.gate.name)):
        wanted.setdefault(item.key, item)
    busy = 0
    is_landing = any(entry.state == "landing" for entry in draft.entries.values())  # then nothing is lined up
    for session in situation.gate_sessions.values():
        if session.is_over:
            continue
        busy += 1
        _watch(situation, draft, session, is_wanted=is_landing or session.spec.key in wanted)
    free = max(0, situation.swarm.gates_max - busy)
    waiting = [
        want
        for key, want in wanted.items()
        if _may_start(situation.gate_sessions.get(key))
        and not failures.not_due(situation, draft, Step("RunGate", want.task, part=want.gate.name))
    ]
    for want in waiting[:free]:
        draft.add(RunGate(_spec(situation, want), situation.swarm.worktree, want.reason, want.task))


def _may_start(session: GateSession | None) -> bool:
    """Return whether a run may start: there is none, or it was lost and is let go of before this one starts."""
    return session is None or (session.state == "lost" and session.evidence is None)


def _watch(situation: Situation, draft: Draft, session: GateSession, *, is_wanted: bool) -> None:
    def again() -> Action:
        return RunGate(session.spec, situation.swarm.worktree, "its start was cut off", session.spec.task)

    def needed() -> Stop | None:
        is_kept = is_wanted or situation.observed.freeze is not None or session.state == "starting"
        return None if is_kept else Stop("nobody needs its answer any more")

    supervise(situation, draft, session, again, needed)


def _spec(situation: Situation, want: Want) -> GateSpec:
    """Return the facts of a new run; `attempt` counts how often the same run was lost just before."""
    lost = situation.gate_sessions.get(want.key)
    return GateSpec(
        attempt=lost.spec.attempt + 1 if lost is not None else 0,
        id=SessionId(ulid(situation.now, f"gate/{want.key}")),
        base=want.commit,
        started=situation.now,
        minutes_max=want.gate.timeout_minutes,
        task=want.task,
        gate=want.gate.name,
        key=want.key,
        tree=want.code_tree,
        min_tests=want.gate.min_tests,
        junit=want.gate.junit,
        command=want.gate.run,
        work=want.work,
        reads=want.reads,
    )
