"""The guard against gates whose `inputs` are wrong: now and then they run on the whole of the target, without reuse."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.model.desired import Desired, Gate, Problem
from swarmgit.model.histories import GateHistory, RedFull
from swarmgit.model.ids import CommitId, EvidenceKey, TreeId
from swarmgit.model.observed import Observed
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.sessions import GateSession
from swarmgit.plan import evidence, stacks
from swarmgit.plan.evidence import Subject
from swarmgit.plan.situation import Draft, Situation, Want
from swarmgit.plan.times import is_ahead, is_over

RANK_OF_FULL = 9
REDS_MIN = 2
"""So often a gate has to be red on one whole tree before its inputs are called wrong: once may be a lie."""


def want(situation: Situation, draft: Draft) -> None:
    """Ask for the full runs that are due; one that is under way is finished, although the target may move on."""
    observed = situation.observed
    if not situation.swarm.merge.full_run_hours or observed.freeze is not None:
        return
    for gate in _narrow(situation.desired):
        place = _running(situation, gate) or _due(situation, draft, gate)
        if place is not None:
            commit, tree = place
            key = _key(gate, observed.environment, tree)
            reason = "the whole target, because its inputs may be wrong"
            draft.wants.append(Want(replace(gate, inputs=()), key, commit, tree, reason, RANK_OF_FULL))


def noted(situation: Situation, draft: Draft, history: GateHistory, session: GateSession) -> GateHistory:
    """Return the history with what a full run has said; any other run changes nothing."""
    answer, observed = session.evidence, situation.observed
    gate = next((gate for gate in _narrow(situation.desired) if gate.name == history.gate), None)
    if answer is None or gate is None or answer.key != _key(gate, observed.environment, answer.tree):
        return history
    if answer.outcome == "pass":
        return replace(history, last_full=answer.at, red_full=None)
    known = history.red_full
    if known is not None and answer.session in known.sessions:
        return history
    is_same = known is not None and known.key == answer.key
    sessions = (*(known.sessions if known and is_same else ()), answer.session)
    red = RedFull(
        session.spec.base,
        answer.tree,
        answer.key,
        answer.at,
        sessions,
        answer.reason or f"it answered {answer.outcome}",
        is_confirmed=len(sessions) >= REDS_MIN
        or (known is not None and known.is_confirmed and _holds(situation, draft, gate, known)),
    )
    return replace(history, red_full=red)


def stop(situation: Situation, draft: Draft) -> Reason | None:
    """Return why nothing may land, None when something may: as long as only we have moved what was red."""
    for gate in _narrow(situation.desired):
        red = _history(situation, draft, gate).red_full
        if red is not None and red.is_confirmed and _holds(situation, draft, gate, red):
            draft.needs_person = True
            return reason("full run", _words(gate, red))
    return None


def problems(desired: Desired, observed: Observed) -> tuple[Problem, ...]:
    """Return what full runs have found out, for people."""
    reds = [
        (gate, observed.gate_histories[gate.name].red_full)
        for gate in _narrow(desired)
        if gate.name in observed.gate_histories
    ]
    return tuple(
        Problem(paths.GATES_YAML, 0, 0, _words(gate, red)) for gate, red in reds if red is not None and red.is_confirmed
    )


def _words(gate: Gate, red: RedFull) -> str:
    return (
        f"gate {gate.name} is red on the whole of {red.commit[:10]} ({red.reason}), where its inputs were green: "
        "its inputs miss something that it depends on, or the target is broken there; nothing lands until it passes"
    )


# --- when -------------------------------------------------------------------------------------------------------------


def _due(situation: Situation, draft: Draft, gate: Gate) -> tuple[CommitId, TreeId] | None:
    """Return the commit and code tree of the full run that a gate needs now."""
    observed, history = situation.observed, _history(situation, draft, gate)
    if observed.target_head is None or observed.target_code_tree is None:
        return None
    tip = observed.target_head, observed.target_code_tree
    red = history.red_full
    if red is None:
        return tip if _is_time(situation, history) else None
    if red.key != _key(gate, observed.environment, red.tree):
        return tip
    if not red.is_confirmed:
        return red.commit, red.tree
    trusted = observed.trusted_since
    is_new = trusted is not None and (red.at < trusted <= situation.now or is_ahead(red.at, situation.now))
    return tip if red.tree != tip[1] or is_new else None


def _is_time(situation: Situation, history: GateHistory) -> bool:
    """Return whether the last full run is long ago and something has landed since."""
    landed = [
        event.at
        for entry in situation.observed.entries.values()
        if entry.state == "landed"
        for event in entry.events[-1:]
    ]
    if not landed:
        return False
    period = timedelta(hours=situation.swarm.merge.full_run_hours)
    since: datetime = history.last_full or min(landed)
    is_news = history.last_full is None or max(landed) > history.last_full or is_ahead(since, situation.now)
    return is_news and is_over(since, period, situation.now)


def _running(situation: Situation, gate: Gate) -> tuple[CommitId, TreeId] | None:
    for key, session in situation.gate_sessions.items():
        tree = session.spec.tree
        if key == _key(gate, situation.observed.environment, tree) and not session.is_over:
            return session.spec.base, tree
    return None


def _holds(situation: Situation, draft: Draft, gate: Gate, red: RedFull) -> bool:
    """Return whether nobody has changed the gate, and the target's code only by landings of ours, since it was red."""
    observed = situation.observed
    if observed.target_head is None or red.key != _key(gate, observed.environment, red.tree):
        return False
    bases = stacks.own_bases(draft.entries or observed.entries, observed.target_head)
    return observed.target_code_tree == red.tree or red.commit in bases


def _narrow(desired: Desired) -> tuple[Gate, ...]:
    return tuple(gate for gate in desired.gates if gate.inputs)


def _key(gate: Gate, environment: str, tree: TreeId) -> EvidenceKey:
    return evidence.key_of(replace(gate, inputs=()), environment, Subject(tree, {}))


def _history(situation: Situation, draft: Draft, gate: Gate) -> GateHistory:
    known = draft.histories.get(gate.name) or situation.observed.gate_histories.get(gate.name)
    return known or GateHistory(gate=gate.name)
