"""Landing in two steps: the intent in the ledger first, then the target's move; and what became of earlier intents."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.model.actions import Land, Remember, Save, SaveFile
from swarmgit.model.checkouts import HUNG_FILTER
from swarmgit.model.ids import CommitId
from swarmgit.model.pins import Unpin
from swarmgit.model.queue import Abandoned, Candidate, Entry, Landed, Landing, LedgerEvent
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.status import GateResult
from swarmgit.plan import evidence, gate_runs, pushes, stacks
from swarmgit.plan.checkouts import in_the_way
from swarmgit.plan.order import wait_for_edit
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.stacks import Book, Tip
from swarmgit.state import kinds


def settle(situation: Situation, draft: Draft) -> None:
    """Close recorded intents by what the target shows: it contains the commit, or it has moved elsewhere."""
    intents = [entry for entry in draft.entries.values() if entry.state == "landing" and entry.candidate]
    done = {e.id for e in intents if e.candidate and e.candidate.commit in situation.observed.contained}
    live = {situation.observed.target_head}
    for entry in sorted(intents, key=lambda e: e.id):
        assert entry.candidate is not None
        if entry.id in done:
            commit = entry.candidate.commit
            landed = Landed(at=situation.now, commit=commit)
            save(draft, with_event(entry, landed, state="landed", landed_commit=commit))
            if entry.proposal is not None:
                draft.add(Remember(entry.proposal))
    if done:
        draft.add(unpin(*(entry for entry in intents if entry.id in done)))
    open_intents = {e.candidate.commit: e for e in intents if e.candidate and e.id not in done}
    live |= _reachable(situation, open_intents)
    for entry in open_intents.values():
        assert entry.candidate is not None
        if entry.candidate.base not in live:
            abandon(situation, draft, entry, "the target moved")


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


def make_way(situation: Situation, draft: Draft) -> None:
    """Take intents back that a person's edit holds, so that entries which touch other files go on meanwhile.

    Not where nobody else waits, and not where a remote has the commits already.
    """
    blocked = situation.observed.blocked
    landing = [entry for entry in draft.entries.values() if entry.state == "landing"]
    others = [e for e in draft.entries.values() if e.id not in blocked and e.state in {"queued", "gating", "landing"}]
    held = {in_the_way(blocked[entry.id]) for entry in landing if blocked.get(entry.id)}
    if held and others:
        _abandon_all(situation, draft, landing, "; ".join(sorted(held)))


def take_back(situation: Situation, draft: Draft) -> None:
    """Take intents back of which one could not be carried out again and again: the others are built without it."""
    landing = [entry for entry in draft.entries.values() if entry.state == "landing"]
    stuck = [each for each in draft.withheld.values() if each.step.kind == "Land"]
    named = {each.step.entry: each.message for each in stuck}
    for entry in landing:
        if entry.id in named:
            _abandon_all(situation, draft, landing, f"the target could not be moved: {named[entry.id]}")
            return


def _abandon_all(situation: Situation, draft: Draft, landing: list[Entry], reason: str) -> None:
    remote = situation.observed.remote
    if remote is None or remote.relation != "ahead":
        for entry in landing:
            abandon(situation, draft, entry, reason)


def abandon(situation: Situation, draft: Draft, entry: Entry, reason: str) -> None:
    """Take an intent back; the entry is merged and gated anew."""
    abandoned = Abandoned(at=situation.now, reason=reason)
    save(draft, with_event(entry, abandoned, state="queued", candidate=None))


def carry_out(situation: Situation, draft: Draft, landing: list[Entry]) -> None:
    """Move the target along the whole chain of recorded intents; entries of one stack share their commit."""
    target = situation.observed.target_head
    assert target is not None
    if situation.observed.queue_control.paused:
        draft.stuck.update((entry.id, _paused(situation)) for entry in landing)
        return
    chain: list[Entry] = []
    at = target
    for _ in range(len(landing)):
        step = [entry for entry in landing if entry.candidate and entry.candidate.base == at]
        if not step or step[0].candidate is None:
            break
        at = step[0].candidate.commit
        chain += [entry for entry in step if entry.candidate and entry.candidate.commit == at]
    chain = pushes.cleared(situation, draft, chain)
    if not chain:
        return
    assert chain[-1].candidate is not None
    at = chain[-1].candidate.commit
    for entry in chain:
        if entry.id in situation.observed.blocked:
            wait_for_edit(situation, draft, entry)
    if any(HUNG_FILTER in situation.observed.blocked.get(entry.id, ()) for entry in chain):
        return  # each look costs seconds, and others wait for them
    ids = tuple(entry.id for entry in chain)
    draft.add(Land(ids, situation.swarm.target, target, at, tuple((entry.base, entry.head) for entry in chain)))


def land_stack(situation: Situation, draft: Draft, book: Book, tip: Tip) -> None:
    """Record the intents of a green stack, so that every commit on the target's first-parent line was gated."""
    if situation.observed.queue_control.paused:
        draft.stuck.update((entry.id, _paused(situation)) for entry in tip.entries)
        return
    prefixes = [book.tips[tip.base, tip.stack[:size]] for size in range(1, len(tip.stack) + 1)]
    if all(each.verdict.has_passed for each in prefixes):
        for each in prefixes:
            _intend(situation, draft, each, each, each.candidate)
        return
    batch = situation.observed.merges.get((tip.base, tip.candidate.commit))
    if batch is None:
        stacks.ask_for_batch(situation, draft, tip)
        return
    assert batch.commit is not None, "a descendant always merges"
    assert batch.code_tree == tip.candidate.code_tree, "I1: the batch has the tree that was gated"
    candidate = replace(tip.candidate, base=tip.base, commit=batch.commit, signer=batch.signer)
    for each in prefixes:
        _intend(situation, draft, tip, each, candidate)


def _intend(situation: Situation, draft: Draft, tip: Tip, prefix: Tip, candidate: Candidate) -> None:
    """Record the intent {old, new, code tree, evidence} of a prefix's last entry; the move itself is the next tick's.

    `tip` is the stack whose tree was gated for it: the prefix itself, or the batch that the entry is in.
    """
    entry = draft.entries[prefix.entries[-1].id]
    gates = stacks.gates_of(situation, entry)
    verdict = evidence.judge(situation, gates, tip.subject, entry.enqueued)
    results: tuple[GateResult, ...] = (*evidence.built_in(candidate.code_tree, situation.now), *verdict.results)
    intent = Landing(
        at=situation.now,
        old=candidate.base,
        new=candidate.commit,
        code_tree=candidate.code_tree,
        required=(*evidence.BUILT_IN, *(gate.name for gate in gates)),
        stack=tip.stack if candidate.commit != tip.candidate.commit else (),
        tier=prefix.tier,
        resolution=prefix.recorded,
    )
    save(draft, with_event(entry, intent, state="landing", candidate=candidate, evidence=results, tier=prefix.tier))
    signers = dict.fromkeys((prefix.candidate.signer, candidate.signer))
    for line in filter(None, signers):  # known in state before anything signed by it can land
        draft.add(SaveFile(kinds.SIGNERS.place, f"{line}\n", append=True, once=True))
    gate_runs.count_reuse(situation, draft, verdict.results)


def _paused(situation: Situation) -> Reason:
    control = situation.observed.queue_control
    text = f"landings are paused by {control.by or 'a person'}" + (f": {control.reason}" if control.reason else "")
    return reason("queue paused", text)


def with_event(entry: Entry, event: LedgerEvent, **fields: Any) -> Entry:  # noqa: ANN401  fields of Entry, as replace takes them
    return replace(entry, events=(*entry.events, event), **fields)


def unpin(*entries: Entry) -> Unpin:
    """Return what drops the refs of entries that are over."""
    refs = tuple(paths.submitted_ref(entry.task, entry.session) for entry in entries)
    return Unpin(tuple(entry.id for entry in entries), refs)


def save(draft: Draft, entry: Entry) -> None:
    draft.entries[entry.id] = entry
    draft.add(Save(entry))
