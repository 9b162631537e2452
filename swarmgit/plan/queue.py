"""The merge queue: in which order, gated on which exact tree, and what lands now (MERGE-QUEUE.md).

This first queue gates one entry at a time, on the tree that lands; entries behind it are merged on top of it in
memory, and those whose exact tree has its evidence already land with it in one move of the target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from swarmgit.model import trailers
from swarmgit.model.actions import Land, MergeItem, SaveEntry, TryMerges, Unpin
from swarmgit.model.desired import PRIORITY_RANK, Gate
from swarmgit.model.ids import CommitId
from swarmgit.model.observed import MergeTry
from swarmgit.model.status import Candidate, Entry, GateResult, LedgerEvent, Rejection
from swarmgit.plan import evidence, gate_runs, rejections
from swarmgit.plan.evidence import Subject, Verdict
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.verify import Asked, red_target, want

RANK_OF_MERGE = 0
BLOCKED_RETRY_S = 1.0


def run(situation: Situation, draft: Draft) -> None:
    """Write into the draft what the queue does in this tick, and each entry as it stands after it."""
    draft.entries.update(situation.observed.entries)
    _settle_landings(situation, draft)
    target = situation.observed.target_head
    if target is None or situation.observed.freeze is not None:
        return
    landing = [entry for entry in draft.entries.values() if entry.state == "landing"]
    if landing:
        _carry_out(situation, draft, landing)
        return
    line = order(draft)[: situation.swarm.merge.batch_max]
    _line_up(situation, draft, line, target)


def order(draft: Draft) -> list[Entry]:
    """Return the entries that wait, first to land first: by priority, then by age."""
    waiting = [entry for entry in draft.entries.values() if entry.state in {"queued", "gating"}]
    return sorted(waiting, key=lambda entry: (PRIORITY_RANK.get(entry.priority, 2), entry.enqueued, entry.id))


# --- landing --------------------------------------------------------------------------------------------------------


def _settle_landings(situation: Situation, draft: Draft) -> None:
    """Close recorded intents by what the target shows: it contains the commit, or it has moved elsewhere."""
    intents = [entry for entry in draft.entries.values() if entry.state == "landing" and entry.candidate]
    done = {e.id for e in intents if e.candidate and e.candidate.commit in situation.observed.contained}
    live = {situation.observed.target_head}
    for entry in sorted(intents, key=lambda e: e.id):
        assert entry.candidate is not None
        if entry.id in done:
            commit = entry.candidate.commit
            landed = _with_event(situation, entry, "landed", {"commit": commit}, state="landed", landed_commit=commit)
            _save(draft, landed)
            draft.add(Unpin(entry.id))
    open_intents = {e.candidate.commit: e for e in intents if e.candidate and e.id not in done}
    live |= _reachable(situation, open_intents)
    for entry in open_intents.values():
        assert entry.candidate is not None
        if entry.candidate.base not in live:
            back = _with_event(
                situation, entry, "abandoned", {"reason": "the target moved"}, state="queued", candidate=None
            )
            _save(draft, back)


def _reachable(situation: Situation, intents: dict[CommitId, Entry]) -> set[CommitId | None]:
    """Return the candidates that still stand, through each other, on the target's present head."""
    reached: set[CommitId | None] = {situation.observed.target_head}
    for _ in range(len(intents)):
        more = {
            commit
            for commit, e in intents.items()
            if e.candidate and e.candidate.base in reached and commit not in reached
        }
        if not more:
            break
        reached |= more
    return reached


def _carry_out(situation: Situation, draft: Draft, landing: list[Entry]) -> None:
    """Move the target along the whole chain of recorded intents."""
    by_base = {entry.candidate.base: entry for entry in landing if entry.candidate}
    target = situation.observed.target_head
    assert target is not None
    chain: list[Entry] = []
    at = target
    while at in by_base and len(chain) < len(landing):
        chain.append(by_base[at])
        assert chain[-1].candidate is not None
        at = chain[-1].candidate.commit
    if not chain:
        return
    blocked = situation.observed.blocked
    for entry in chain:
        if entry.id in blocked:
            files = ", ".join(blocked[entry.id][:5])
            draft.stuck[entry.id] = f"the landing waits: a local edit is in its way in {files}"
            draft.needs_person = True
            draft.wakes.append(BLOCKED_RETRY_S)
    ids = tuple(entry.id for entry in chain)
    draft.add(Land(ids, situation.swarm.target, target, at))


# --- gating ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """An entry in line, and the commit it would land on."""

    entry: Entry
    onto: CommitId
    is_first: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """An entry with its candidate, and what the ledger says about how its conflicts were resolved."""

    entry: Entry
    candidate: Candidate
    how: dict[str, Any]


def _line_up(situation: Situation, draft: Draft, line: list[Entry], target: CommitId) -> None:
    onto = target
    for position, entry in enumerate(line):
        tried = situation.observed.merges.get((onto, entry.head))
        if tried is None:
            draft.add(_merges(situation, onto, line[position:]))
            return
        landed_on = _consider(situation, draft, _Place(entry, onto, onto == target), tried)
        if landed_on is None:
            return
        onto = landed_on


def _merges(situation: Situation, onto: CommitId, line: list[Entry]) -> TryMerges:
    items = tuple(MergeItem(entry.id, entry.task, entry.head, _message(situation, entry)) for entry in line)
    merge = situation.swarm.merge
    return TryMerges(onto, items, situation.desired.gates, merge.style, merge if "auto" in merge.tiers else None)


def _message(situation: Situation, entry: Entry) -> str:
    task = situation.desired.tasks.get(entry.task)
    subject = f"Land {entry.task}: {task.title}" if task else f"Land {entry.task}"
    maker = trailers.Maker(entry.task, entry.agent, entry.session, entry.model or "unknown", entry.attempt)
    return trailers.message(subject, "", maker)


def _consider(situation: Situation, draft: Draft, place: _Place, tried: MergeTry) -> CommitId | None:
    """Decide about one entry in line; return its candidate when it lands now, so that the next one may follow it."""
    entry = place.entry
    if tried.commit is None or tried.code_tree is None:
        if place.is_first:
            _reject(
                situation, draft, entry, rejections.by_conflict(tried.conflicts, None), {"paths": list(tried.conflicts)}
            )
        return None
    candidate = Candidate(place.onto, tried.commit, tried.code_tree, tried.gate_inputs)
    entry = replace(entry, tier=tried.tier)
    gates = evidence.required(situation, situation.desired.tasks.get(entry.task), "merge")
    subject = Subject(candidate.code_tree, candidate.gate_inputs)
    verdict = evidence.judge(situation, gates, subject, entry.enqueued)
    if verdict.has_passed:
        _intend(situation, draft, _Ready(entry, candidate, _how(tried)), gates, verdict)
        return candidate.commit
    if place.is_first:
        _gate(situation, draft, _Ready(entry, candidate, _how(tried)), verdict)
    return None


def _how(tried: MergeTry) -> dict[str, Any]:
    """Return what the ledger says about how conflicts were resolved; nothing where there were none."""
    if tried.tier == "clean":
        return {}
    return {"tier": tried.tier, "resolution": [dict(each) for each in tried.resolution]}


def _gate(situation: Situation, draft: Draft, ready: _Ready, verdict: Verdict) -> None:
    entry, candidate = ready.entry, ready.candidate
    if verdict.bad:
        _judge_red(situation, draft, entry, verdict)
        return
    subject = Subject(candidate.code_tree, candidate.gate_inputs)
    asked = Asked(candidate.commit, "the merged tree", RANK_OF_MERGE, entry.task)
    want(situation, draft, verdict, subject, asked)
    if entry.candidate != candidate:
        data = {"base": candidate.base, "commit": candidate.commit, "code_tree": candidate.code_tree, **ready.how}
        _save(draft, _with_event(situation, entry, "gating", data, state="gating", candidate=candidate))


def _judge_red(situation: Situation, draft: Draft, entry: Entry, verdict: Verdict) -> None:
    red = red_target(situation, draft, verdict, entry.enqueued, entry.task)
    if red is None:
        draft.stuck[entry.id] = "a gate is red on the merged tree; the same gate runs on the target"
        return
    if red:
        draft.stuck[entry.id] = red
        draft.needs_person = True
        return
    gate, answer = verdict.bad[0]
    rejection = rejections.by_gate(gate, answer, "your change merged with the target")
    _reject(situation, draft, entry, rejection, {"gate": gate.name, "outcome": answer.outcome, "key": answer.key})


def _intend(situation: Situation, draft: Draft, ready: _Ready, gates: tuple[Gate, ...], verdict: Verdict) -> None:
    """Record the intent {old, new, code tree, evidence}; the move itself is the next tick's."""
    entry, candidate = ready.entry, ready.candidate
    results: tuple[GateResult, ...] = (*evidence.built_in(candidate.code_tree, situation.now), *verdict.results)
    data = {
        "old": candidate.base,
        "new": candidate.commit,
        "code_tree": candidate.code_tree,
        "required": [*evidence.BUILT_IN, *(gate.name for gate in gates)],
        **ready.how,
    }
    intent = _with_event(situation, entry, "landing", data, state="landing", candidate=candidate, evidence=results)
    _save(draft, intent)
    gate_runs.count_reuse(situation, draft, verdict.results)


def _reject(situation: Situation, draft: Draft, entry: Entry, rejection: Rejection, data: dict[str, Any]) -> None:
    refused = _with_event(
        situation, entry, "rejected", {"kind": rejection.kind, "reason": rejection.summary, **data}, state="rejected"
    )
    _save(draft, refused)
    draft.refused[entry.id] = rejection
    draft.add(Unpin(entry.id))


def _with_event(situation: Situation, entry: Entry, kind: str, data: dict[str, Any], **fields: Any) -> Entry:  # noqa: ANN401  fields of Entry, as replace takes them
    return replace(entry, events=(*entry.events, LedgerEvent(situation.now, kind, data)), **fields)


def _save(draft: Draft, entry: Entry) -> None:
    draft.entries[entry.id] = entry
    draft.add(SaveEntry(entry))
