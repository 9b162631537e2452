"""One landed commit against its entry in the ledger: the tree, the parent, the evidence, the names."""

from __future__ import annotations

from collections.abc import Iterator

from swarmgit.app.fsck.gates import GatesInForce
from swarmgit.app.fsck.report import Violation
from swarmgit.model import trailers
from swarmgit.model.git import CommitInfo
from swarmgit.model.queue import Candidate, Entry, Landed, Landing
from swarmgit.model.status import GateResult
from swarmgit.plan.evidence import BUILT_IN
from swarmgit.ports.world import ReadWorld

ADDED_LATER = frozenset({"secrets"})
"""Built-in gates that landings of earlier versions did not have; where one is in `required`, it must be proved."""


def judge_landing(world: ReadWorld, entry: Entry, info: CommitInfo, gates: GatesInForce) -> Iterator[Violation]:
    """Yield every promise that a landed commit breaks. `gates`: those that were in force, and what came before what."""
    candidate = entry.candidate
    if candidate is None:
        yield Violation("I1", info.oid, f"entry {entry.id} does not say which candidate was gated")
    else:
        yield from _exact(world, candidate, info)
        yield from _evidence(entry, candidate, info, gates)
    yield from _names(entry, info)
    yield from _record(entry, info)


def _exact(world: ReadWorld, candidate: Candidate, info: CommitInfo) -> Iterator[Violation]:
    if candidate.commit != info.oid:
        yield Violation("P1", info.oid, f"the entry's candidate is another commit, {candidate.commit}")
    parent = info.parents[0] if info.parents else None
    if parent != candidate.base:
        yield Violation("I2", info.oid, f"its first parent is {parent}, not {candidate.base}, which the target was at")
    tree = world.engine.code_tree(info.oid)
    if tree != candidate.code_tree:
        yield Violation("I1", info.oid, f"its code tree is {tree}, but the gates ran on {candidate.code_tree}")


def _record(entry: Entry, info: CommitInfo) -> Iterator[Violation]:
    """P2: what the entry's own history says about the landing is what its state says."""
    landed = entry.last(Landed)
    said = landed.commit if landed else None
    if entry.state == "landed" and said != info.oid:
        yield Violation("P2", info.oid, f"entry {entry.id} is landed, but its events say it landed as {said}")


def _evidence(entry: Entry, candidate: Candidate, info: CommitInfo, gates: GatesInForce) -> Iterator[Violation]:
    intent = entry.last(Landing)
    if intent is None:
        yield Violation("I1", info.oid, f"entry {entry.id} has no record of the landing's intent")
        return
    yield from _intent(intent, candidate, info)
    required = intent.required
    missing = [name for name in BUILT_IN if name not in required and name not in ADDED_LATER]
    if missing:
        yield Violation("I1", info.oid, f"entry {entry.id} did not require {', '.join(missing)}, which are always on")
    left_out = [name for name in gates.at(entry) if name not in required]
    if left_out:
        yield Violation("I1", info.oid, f"entry {entry.id} did not require {', '.join(left_out)}, configured there")
    before = gates.intended(entry)
    for name in required:
        if not any(_proves(result, name, candidate) for result in entry.evidence):
            yield Violation("I1", info.oid, f"no evidence that gate {name} passed on code tree {candidate.code_tree}")
        elif before is None or not any(_proves(result, name, candidate) for result in before.entry.evidence):
            yield Violation("I1", info.oid, f"evidence of gate {name} was not in state before the landing's intent")


def _intent(intent: Landing, candidate: Candidate, info: CommitInfo) -> Iterator[Violation]:
    wanted = (("old", intent.old, candidate.base), ("new", intent.new, info.oid))
    for name, said, value in (*wanted, ("code_tree", intent.code_tree, candidate.code_tree)):
        if said != value:
            yield Violation("I1", info.oid, f"the recorded intent says {name} {said}, not {value}")


def _proves(result: GateResult, name: str, candidate: Candidate) -> bool:
    has_passed = result.outcome == "pass" or (result.outcome == "skipped" and bool(result.reason))
    return result.gate == name and has_passed and result.tree == candidate.code_tree


def _names(entry: Entry, info: CommitInfo) -> Iterator[Violation]:
    """P2: task, agent, session and model, in the commit's own trailers; with others' where they were gated together."""
    named = trailers.parse_all(info.message)
    who = next((each for each in named if each.get("session") == entry.session), named[-1] if named else {})
    for name, value in (("task", entry.task), ("agent", entry.agent), ("session", entry.session)):
        if who.get(name) != value:
            yield Violation("P2", info.oid, f"its trailers name {name} {who.get(name)}, the ledger {value}")
    if not who.get("model"):
        yield Violation("P2", info.oid, "its trailers name no model")
