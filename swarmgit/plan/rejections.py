"""Rejections: what an agent gets back, in a form that it can act on."""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.documents import quoting
from swarmgit.model.desired import Gate
from swarmgit.model.events import Fault
from swarmgit.model.intake import LeftOut
from swarmgit.model.sessions import ProgramSession
from swarmgit.model.status import Rejection
from swarmgit.model.work import Evidence

OUTPUT_CHARS_MAX = 4000
PATHS_MAX = 50
ITEMS_SHOWN = 5
SENTENCE_CHARS_MAX = 4000


def in_lines(rejection: Rejection) -> Rejection:
    """Return a rejection whose sentences are sentences, whatever a program put into them."""
    summary, next_step = (quoting.line(each, SENTENCE_CHARS_MAX) for each in (rejection.summary, rejection.next_step))
    return replace(rejection, summary=summary, next_step=next_step)


def merged(refused: tuple[Rejection, ...]) -> Rejection:
    """Return one rejection that holds all of them, so that an agent hears of everything at once."""
    first, *others = refused
    if not others:
        return first
    return replace(
        first,
        summary="; ".join(r.summary for r in refused),
        next_step=" ".join(dict.fromkeys(r.next_step for r in refused)),
        paths=tuple(dict.fromkeys(path for r in refused for path in r.paths)),
    )


def by_gate(gate: Gate, evidence: Evidence, where: str) -> Rejection:
    verb = "failed" if evidence.outcome == "fail" else "could not give an answer"
    detail = f": {evidence.reason}" if evidence.reason else ""
    return Rejection(
        kind="gate",
        summary=quoting.line(f"gate {gate.name} {verb} on {where}{detail}", SENTENCE_CHARS_MAX),
        next_step=f"Make `{gate.run}` pass in your worktree; the gate runs exactly that on what you submit.",
        gate=gate.name,
        command=gate.run,
        exit_code=evidence.exit_code,
        places=evidence.places,
        output=evidence.output[-OUTPUT_CHARS_MAX:],
    )


def by_conflict(paths: tuple[str, ...], reference: str | None) -> Rejection:
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return Rejection(
        kind="conflict",
        summary=f"your change conflicts with what has landed since, in {shown}",
        next_step="Your worktree is at the new target; make the change again on it, keeping what landed.",
        paths=paths[:PATHS_MAX],
        reference=reference,
    )


def by_review(by: str, text: str, paths: tuple[str, ...]) -> Rejection:
    return Rejection(
        kind="review",
        summary=f"{by} reviewed it and did not pass it" + (f": {text}" if text else ""),
        next_step="Do what the review asks for, and submit again.",
        paths=paths[:PATHS_MAX],
    )


def by_exit(session: ProgramSession) -> Rejection:
    return Rejection(
        kind="exit",
        summary=f"the session ended with exit code {session.exit_code}",
        next_step="Read the output below, and finish the task in a session that ends with exit code 0.",
        exit_code=session.exit_code,
        output=(session.stderr_tail or session.stream.text_tail)[-OUTPUT_CHARS_MAX:],
    )


def by_fault(fault: Fault, session: ProgramSession) -> Rejection:
    next_steps = {
        "context": "Work in smaller steps: read only what you need, and keep long output out of the conversation.",
        "turns": "Work in fewer, larger steps and finish within the limit.",
    }
    return Rejection(
        kind="exit",
        summary=f"the session could not go on: {fault.message or 'it said no more'}",
        next_step=next_steps.get(fault.kind, "Finish the task in a session that ends without an error."),
        exit_code=session.exit_code,
        output=(session.stderr_tail or session.stream.text_tail)[-OUTPUT_CHARS_MAX:],
    )


def by_budget(reason: str) -> Rejection:
    return Rejection(
        kind="budget",
        summary=f"the session was stopped at its limit ({reason})",
        next_step="Go on from the work that is kept, and spend less: read less, try less, finish what is there.",
    )


def by_time(minutes: float) -> Rejection:
    return Rejection(
        kind="timeout",
        summary=f"the session was stopped at its time limit of {minutes:g} minutes",
        next_step="Work in smaller steps and finish within the limit.",
    )


def by_watchdog(reason: str) -> Rejection:
    return Rejection(
        kind="stopped",
        summary=f"the session was stopped: {reason}",
        next_step="Say what you do as you do it, never wait for input, and work in smaller steps.",
    )


def by_no_change(left_out: LeftOut | None = None, *, allowed: bool) -> Rejection:
    if left_out is not None and left_out.items:
        return Rejection(
            kind="no-change",
            summary=f"nothing of the task's files is changed where HEAD is; left out: {named(left_out)}",
            next_step="Bring the work into the files of your worktree, within the scope (merge, stash apply, …).",
            reference=left_out.ref,
        )
    return Rejection(
        kind="no-change",
        summary="the session ended without changing anything",
        next_step="Say why no change is needed: print a JSON line with type no_change and a reason."
        if allowed
        else "Make the change that the task describes.",
    )


def named(left_out: LeftOut) -> str:
    """Return in words what was left out, its first few by name."""
    more = len(left_out.items) - ITEMS_SHOWN
    return ", ".join(left_out.items[:ITEMS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def by_unchanged_red(gate: Gate, evidence: Evidence) -> Rejection:
    rejection = by_gate(gate, evidence, "the unchanged tree")
    return Rejection(
        kind="no-change",
        summary=f"no change was said to be needed, but {rejection.summary}",
        next_step=rejection.next_step,
        gate=gate.name,
        command=gate.run,
        exit_code=evidence.exit_code,
        places=evidence.places,
        output=rejection.output,
    )


def by_missing_report() -> Rejection:
    return Rejection(
        kind="no-change",
        summary="the session ended without a report",
        next_step="Write what you found to report.md in the outbox folder.",
    )
