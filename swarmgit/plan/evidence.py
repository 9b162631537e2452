"""What is known about a tree: which gates must pass on it, what they said, and which runs are still wanted.

A key is the hash of the gate's definition, the environment and the part of the tree that the gate reads
(MERGE-QUEUE, Evidence). Nothing but `pass` passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from swarmgit.model.desired import Gate, Task, When
from swarmgit.model.ids import EvidenceKey, GateName, TreeId
from swarmgit.model.status import GateResult
from swarmgit.model.work import Evidence
from swarmgit.plan.situation import Situation

NO_KEY = EvidenceKey("")
BUILT_IN: tuple[GateName, ...] = (
    GateName("scope"),
    GateName("protected-paths"),
    GateName("conflict-markers"),
    GateName("secrets"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A tree to be judged. `inputs`: per gate with `inputs`, the hash of that part of the tree."""

    code_tree: TreeId
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
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
    part = subject.inputs.get(gate.name) if gate.inputs else None
    definition = (gate.name, gate.run, str(gate.timeout_minutes), str(gate.min_tests), gate.junit or "", *gate.inputs)
    text = "\0".join((*definition, environment, part or subject.code_tree))
    return EvidenceKey(hashlib.sha256(text.encode()).hexdigest()[:40])


def judge(situation: Situation, gates: tuple[Gate, ...], subject: Subject, since: datetime) -> Verdict:
    """Return what the gates say about a tree. An answer other than pass counts only when it is newer than `since`."""
    results: list[GateResult] = []
    missing: list[Gate] = []
    bad: list[tuple[Gate, Evidence]] = []
    for gate in gates:
        key = key_of(gate, situation.observed.environment, subject)
        evidence = situation.evidence.get(key)
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
    return all(evidence.at >= limit for limit in limits)  # a limit in the future: the clock was set back


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
