"""What is known about a tree: which gates must pass on it, what they said, and which runs are still wanted.

A key is the hash of the gate's definition, the environment and the part of the tree that the gate reads
(MERGE-QUEUE, Evidence). Nothing but `pass` passes.

That a gate reads nothing but its `inputs` is declared, not enforced: work that is refused could bring a file beside
them that makes the gate pass. So an answer from another tree counts only where all the work in that tree has landed
or stands in the tree in question as well; the key of a gate with `inputs` names the work that had not landed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.desired import Gate, Task, When
from swarmgit.model.ids import CommitId, EvidenceKey, GateName, TreeId
from swarmgit.model.status import GateResult
from swarmgit.model.work import Evidence
from swarmgit.plan.situation import Situation
from swarmgit.plan.times import is_ahead

NO_KEY = EvidenceKey("")
BUILT_IN: tuple[GateName, ...] = (
    GateName("scope"),
    GateName("protected-paths"),
    GateName("conflict-markers"),
    GateName("secrets"),
)


class Subject(Struct, frozen=True):
    """A tree to be judged. `inputs`: per gate with `inputs`, the hash of that part of the tree.

    `work`: the heads of the work in it that has not landed.
    """

    code_tree: TreeId
    inputs: Mapping[str, str]
    work: tuple[CommitId, ...] = ()


class Verdict(Struct, frozen=True):
    """`results`: one for each answered gate. `missing`: no answer yet. `bad`: answered, and not with pass."""

    results: tuple[GateResult, ...]
    missing: tuple[Gate, ...]
    bad: tuple[tuple[Gate, Evidence], ...]

    @property
    def has_passed(self) -> bool:
        return not self.missing and not self.bad


def required(situation: Situation, task: Task | None, stage: When) -> tuple[Gate, ...]:
    """Return the gates that must pass at a stage: the configured ones, and the task's own acceptance commands."""
    configured = tuple(gate for gate in situation.desired.gates if stage in gate.when)
    return (*configured, *acceptance(task)) if task else configured


def acceptance(task: Task) -> tuple[Gate, ...]:
    return tuple(
        Gate(name=GateName(f"acceptance-{number}"), run=item.run, timeout_minutes=item.timeout_minutes)
        for number, item in enumerate(task.acceptance, start=1)
    )


def key_of(gate: Gate, environment: str, subject: Subject) -> EvidenceKey:
    """Return the key of a run on this very work."""
    part = subject.inputs.get(gate.name) if gate.inputs else None
    work = sorted(subject.work) if part else ()
    definition = (gate.name, gate.run, str(gate.timeout_minutes), str(gate.min_tests), gate.junit or "", *gate.inputs)
    text = "\0".join((*definition, environment, part or subject.code_tree, *work))
    return EvidenceKey(hashlib.sha256(text.encode()).hexdigest()[:40])


def reads_of(gate: Gate, environment: str, subject: Subject) -> EvidenceKey | None:
    """Return what answers about other work are found by: equal where the gate reads the same; None without inputs."""
    is_narrow = bool(gate.inputs) and gate.name in subject.inputs
    return key_of(gate, environment, replace(subject, work=())) if is_narrow else None


def answer(situation: Situation, gate: Gate, subject: Subject) -> Evidence | None:
    """Return what is known of a gate about a subject: by its own run, else by one that saw no work of others."""
    environment = situation.observed.environment
    own = situation.evidence.get(key_of(gate, environment, subject))
    reads = reads_of(gate, environment, subject)
    if own is not None or reads is None:
        return own
    sound = situation.landed_work.union(subject.work)
    usable = [
        found
        for found in situation.answers.get(reads, ())
        if found.tree == subject.code_tree or sound.issuperset(found.work)
    ]
    return max(usable, key=lambda found: (found.at, found.key), default=None)


def judge(situation: Situation, gates: tuple[Gate, ...], subject: Subject, since: datetime) -> Verdict:
    """Return what the gates say about a tree. An answer other than pass counts only when it is newer than `since`."""
    results: list[GateResult] = []
    missing: list[Gate] = []
    bad: list[tuple[Gate, Evidence]] = []
    for gate in gates:
        evidence = answer(situation, gate, subject)
        if evidence is None or not _counts(situation, evidence, since):
            missing.append(gate)
            continue
        results.append(result_of(evidence, subject.code_tree, since))
        if evidence.outcome != "pass":
            bad.append((gate, evidence))
    return Verdict(tuple(results), tuple(missing), tuple(bad))


def _counts(situation: Situation, evidence: Evidence, since: datetime) -> bool:
    session = situation.gate_sessions.get(evidence.key)
    if evidence.outcome == "pass" or (session is not None and session.evidence == evidence):
        return True
    trusted = situation.observed.trusted_since
    limits = [limit for limit in (since, trusted) if limit is not None and limit <= situation.now]
    if is_ahead(evidence.at, situation.now):  # the clock was set back: nobody knows whether it is newer than anything
        return not limits
    return all(evidence.at >= limit for limit in limits)


def result_of(evidence: Evidence, code_tree: TreeId, since: datetime) -> GateResult:
    """Return evidence as a result about `code_tree`: equal keys mean that the run saw exactly what matters of it."""
    return GateResult(
        gate=evidence.gate,
        outcome=evidence.outcome,
        key=evidence.key,
        tree=code_tree,
        at=evidence.at,
        seconds=evidence.seconds,
        session=evidence.session,
        reused=evidence.at < since or evidence.tree != code_tree,
        reason=evidence.reason,
    )


def built_in(code_tree: TreeId, at: datetime) -> tuple[GateResult, ...]:
    """Return the results of the judges that are always on, for work that has passed them."""
    return tuple(
        GateResult(gate=name, outcome="pass", key=EvidenceKey(f"built-in:{name}"), tree=code_tree, at=at)
        for name in BUILT_IN
    )
