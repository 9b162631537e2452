"""Verification: an attempt's tree before its gates, and the target's tree beside it when one is red."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.model.desired import Task
from swarmgit.model.ids import CommitId, TaskId, TreeId
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.status import Attempt, GateResult
from swarmgit.plan import attribution, cv, evidence, gate_runs, rejections
from swarmgit.plan.attempts import salvaged
from swarmgit.plan.evidence import Subject, Verdict
from swarmgit.plan.situation import Draft, Situation, Want

RANK_OF_BASELINE = 1
RANK_OF_SUBMIT = 2


class Passed(Struct, frozen=True):
    attempt: Attempt


class Refused(Struct, frozen=True):
    attempt: Attempt


Answer = Passed | Refused | Reason
"""A reason: what is waited for, also a target that is red itself."""


class Asked(Struct, frozen=True):
    """Why gate runs are asked for, on which commit, and how urgent they are."""

    commit: CommitId
    reason: str
    rank: int
    task: TaskId | None


def submitted(situation: Situation, draft: Draft, task: Task, attempt: Attempt) -> Answer:
    """Return what the gates say about submitted work; runs that are missing are asked for in the draft."""
    since, subject, head = _question(attempt)
    verdict = evidence.judge(situation, evidence.required(situation, task, "submit"), subject, since)
    if verdict.bad:
        return _refuse(situation, draft, task, attempt, verdict)
    if verdict.missing:
        want(situation, draft, verdict, subject, Asked(head, "submitted work", RANK_OF_SUBMIT, task.id))
        return reason("gates", "its gates run on the submitted tree", _names(verdict))
    results = (*evidence.built_in(subject.code_tree, since), *verdict.results)
    draft.add(*attribution.gate_lines(attempt, task.id, results, "submit"))
    gate_runs.count_reuse(situation, draft, verdict.results)
    return Passed(replace(attempt, gates=results))


def unchanged(situation: Situation, draft: Draft, task: Task, attempt: Attempt) -> Answer:
    """Return whether the unchanged tree really passes everything that the task asks for."""
    since, subject, head = _question(attempt)
    verdict = evidence.judge(situation, evidence.required(situation, task, "submit"), subject, since)
    if verdict.bad:
        rejection = rejections.by_unchanged_red(*verdict.bad[0])
        results = _accounted(verdict, subject.code_tree, since)
        refused = replace(attempt, outcome="rejected", reason=rejection.summary, rejection=rejection, gates=results)
        cv.count_rejection(draft, situation, refused, task)
        return Refused(refused)
    if verdict.missing:
        want(situation, draft, verdict, subject, Asked(head, "the unchanged tree", RANK_OF_SUBMIT, task.id))
        return reason("gates", "its gates run on the unchanged tree", _names(verdict))
    results = (*evidence.built_in(subject.code_tree, since), *verdict.results)
    draft.add(*attribution.gate_lines(attempt, task.id, results, "unchanged"))
    return Passed(replace(attempt, outcome="unchanged", gates=results))


def _question(attempt: Attempt) -> tuple[datetime, Subject, CommitId]:
    assert attempt.tree is not None
    assert attempt.head is not None
    return attempt.ended or attempt.started, Subject(attempt.tree, attempt.gate_inputs, (attempt.head,)), attempt.head


def _names(verdict: Verdict) -> tuple[str, ...]:
    return tuple(f"gate {gate.name}" for gate in verdict.missing)


def _refuse(situation: Situation, draft: Draft, task: Task, attempt: Attempt, verdict: Verdict) -> Answer:
    """Return rework after a red gate, unless the same gate is red on the target as well."""
    since, subject, _ = _question(attempt)
    gate, answer = verdict.bad[0]
    red = red_target(situation, draft, verdict, since, task.id)
    if red is None:
        text = f"gate {gate.name} did not pass; the same gate runs on the target"
        return awaits_target(text)
    if red:
        draft.needs_person = True
        return reason("red target", red)
    rejection = rejections.by_gate(gate, answer, "what you submitted")
    results = (*evidence.built_in(subject.code_tree, since), *_accounted(verdict, subject.code_tree, since))
    draft.add(*attribution.gate_lines(attempt, task.id, results, "submit"))
    refused = replace(attempt, outcome="rejected", reason=rejection.summary, rejection=rejection, gates=results)
    refused = salvaged(draft, task.id, refused)
    cv.count_rejection(draft, situation, refused, task)
    return Refused(refused)


def _accounted(verdict: Verdict, code_tree: TreeId, at: datetime) -> tuple[GateResult, ...]:
    """Return every gate's result; those that were not asked any more are named as skipped."""
    first = verdict.bad[0][0].name
    skipped = tuple(
        GateResult(
            gate.name, "skipped", evidence.NO_KEY, code_tree, at, reason=f"not run: {first} had answered already"
        )
        for gate in verdict.missing
    )
    return (*verdict.results, *skipped)


def red_target(situation: Situation, draft: Draft, verdict: Verdict, since: datetime, task: TaskId) -> str | None:
    """Return why the target is to blame, '' when it is not, None while its own answer is awaited.

    "It failed before us too" is never assumed (DESIGN §9): the same gates run on the target's tree. A task's own
    acceptance commands are new to the target, so they are the task's to answer for.
    """
    configured = tuple(gate for gate, _ in verdict.bad if gate in situation.desired.gates)
    observed = situation.observed
    if len(configured) < len(verdict.bad) or observed.target_code_tree is None or observed.target_head is None:
        return ""
    subject = Subject(observed.target_code_tree, observed.target_gate_inputs)
    baseline = evidence.judge(situation, configured, subject, since)
    if baseline.missing:
        asked = Asked(observed.target_head, "the target, to compare", RANK_OF_BASELINE, task)
        want(situation, draft, baseline, subject, asked)
        return None
    if len(baseline.bad) < len(configured):
        return ""
    gate, answer = baseline.bad[0]
    detail = f" ({answer.reason})" if answer.reason else ""
    head = observed.target_head[:10]
    return f"the target itself is red: gate {gate.name} answered {answer.outcome} on {head}{detail}"


def awaits_target(text: str) -> Reason:
    return reason("gates of the target", text, ("the gate's answer on the target",))


def want(situation: Situation, draft: Draft, verdict: Verdict, subject: Subject, asked: Asked) -> None:
    """Ask for the runs that a verdict misses."""
    for gate in verdict.missing:
        environment = situation.observed.environment
        key, reads = evidence.key_of(gate, environment, subject), evidence.reads_of(gate, environment, subject)
        about = (asked.commit, subject.code_tree, asked.reason, asked.rank, asked.task)
        draft.wants.append(Want(gate, key, *about, subject.work, reads))
