"""What a gate run that has ended says about its tree (DESIGN §9): pass, fail, or error when it could not answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from swarmgit.model.jobs import Job
from swarmgit.model.sessions import GateSpec
from swarmgit.model.status import GateOutcome
from swarmgit.model.work import Evidence

if TYPE_CHECKING:
    from swarmgit.documents.reports import Report

NOT_EXECUTABLE = 126
NOT_FOUND = 127
FIRST_SIGNAL = 128


def answer(job: Job, spec: GateSpec, output: str, junit: bytes | None, setup_log: str, at: datetime) -> Evidence | None:
    """Return the evidence of an ended run; None when it was stopped or lost, which says nothing about the tree."""
    from swarmgit.documents.reports import excerpt, read_report  # sixty patterns, and most commands read no report

    if job.state == "lost" or job.is_unheard:
        return None
    if job.excess is None and job.stop is not None and job.stop.kind != "time-limit":
        return None
    report = read_report(output, junit)
    outcome, reason = _outcome(job, spec, report, setup_log)
    return Evidence(
        key=spec.key,
        gate=spec.gate,
        outcome=outcome,
        tree=spec.tree,
        session=spec.id,
        at=at,
        seconds=round(max(0.0, (at - spec.started).total_seconds()), 3),
        reason=reason,
        command=spec.command,
        exit_code=job.exit_code,
        tests=report.tests,
        work=spec.work,
        reads=spec.reads,
        places=tuple(report.places) if outcome != "pass" else (),
        output=excerpt(output) if outcome != "pass" else "",
    )


def _outcome(job: Job, spec: GateSpec, report: Report, setup_log: str) -> tuple[GateOutcome, str]:
    if job.excess is not None:
        return "error", job.excess.sentence
    if job.stop is not None:
        return "error", f"timed out: {job.stop.text}"
    if job.error:
        return "error", f"could not start: {job.error}"
    if job.setup_failed:
        return "error", f"the worktree's set-up failed: {setup_log.strip()[-300:] or 'no output'}"
    return _by_exit_code(job.exit_code, spec, report)


def _by_exit_code(code: int | None, spec: GateSpec, report: Report) -> tuple[GateOutcome, str]:
    if not spec.command.strip():
        return "error", "the command is empty"
    if code == NOT_EXECUTABLE:
        return "error", "the command cannot be executed (exit code 126)"
    if code == NOT_FOUND:
        return "error", "the command was not found (exit code 127)"
    if code is None or code > FIRST_SIGNAL:
        return "error", f"the command was killed (signal {code - FIRST_SIGNAL})" if code else "no exit code"
    if code != 0:
        return "fail", f"exit code {code}" + (f", {report.failed} tests failed" if report.failed else "")
    return _by_count(spec, report)


def _by_count(spec: GateSpec, report: Report) -> tuple[GateOutcome, str]:
    """An exit code of 0 with too few tests is no pass: a suite that was emptied is green too."""
    wanted = spec.min_tests
    if wanted <= 0:
        return "pass", ""
    if report.tests is None:
        return "error", f"the number of tests cannot be read from the output, and at least {wanted} must run"
    if report.tests < wanted:
        return "error", f"{report.tests} tests ran, and at least {wanted} must"
    return "pass", ""
