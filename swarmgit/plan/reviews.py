"""Work that a person has to pass before it lands: it is held when its own gates are green, until there is a verdict.

The entry says all of it: `held` is the question (why, and about what), `reviewed` the verdict that the tick has seen.
A verdict answers one question. It stays good while what would land is what was passed: the same difference, by the
same policy, untouched by whoever resolves conflicts. Else the difference is asked for again.
"""

from __future__ import annotations

from typing import Any

from swarmgit.model.control import Verdict
from swarmgit.model.queue import Candidate, Entry, Held, Rejected, Released, Reviewed
from swarmgit.model.reasons import reason
from swarmgit.plan import rejections, resolutions
from swarmgit.plan.landings import save, with_event
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.stacks import Tip
from swarmgit.plan.verdicts import answer, asked, why

EASY = frozenset({"clean", "reimagine"})
"""Tiers in which git's own merge did all: nobody chose between two sides."""


def hold(situation: Situation, draft: Draft) -> None:
    """Keep what waits for a verdict out of the line, and take in the verdicts that people have given."""
    for entry in sorted(draft.entries.values(), key=lambda each: each.id):
        if entry.state not in {"queued", "gating"}:
            continue
        reason = why(situation, entry)
        if not reason:
            _release(situation, draft, entry)
            continue
        verdict = answer(situation, entry)
        if verdict is None:
            _ask(situation, draft, entry, reason)
        elif verdict.verdict == "fail":
            _send_back(situation, draft, entry, verdict)
        else:
            _note(situation, draft, entry, verdict)


def question(situation: Situation, draft: Draft, tip: Tip) -> bool:
    """Ask again where the top of a stack is not what was passed; return whether that was so."""
    entry = draft.entries[tip.entries[-1].id]
    reason = why(situation, entry)
    if not reason or _covers(answer(situation, entry), tip):
        return False
    again = f"{reason}; since the last verdict {_since(answer(situation, entry), tip)}"
    _hold(situation, draft, entry, again, tip.candidate)
    return True


def _covers(verdict: Verdict | None, tip: Tip) -> bool:
    if verdict is None or verdict.verdict != "pass" or tip.difference != verdict.difference:
        return False
    return tip.tier in EASY or verdict.tree == tip.candidate.code_tree


def _since(verdict: Verdict | None, tip: Tip) -> str:
    if verdict is not None and verdict.difference == tip.difference:
        return "its conflicts with the target were resolved"
    return "the target has moved, and the difference is another one"


def _ask(situation: Situation, draft: Draft, entry: Entry, reason: str) -> None:
    """Ask once for each question: the first is about the work as its agent made it, or a verdict went stale."""
    stale = situation.observed.verdicts.get(entry.id)
    is_stale = stale is not None and stale.round == asked(entry) and asked(entry) > 0
    if asked(entry) == 0 or is_stale:
        _hold(situation, draft, entry, f"{reason}; the policy has changed since" if is_stale else reason)
        return
    held = entry.last(Held)
    _keep(draft, entry, held.why if held else reason)


def _release(situation: Situation, draft: Draft, entry: Entry) -> None:
    """Write down that nothing asks for the verdict any more: a person has changed the task."""
    if isinstance(entry.last(Held, Released), Held):
        released = Released(at=situation.now, why="its task does not say review: full any more")
        save(draft, with_event(entry, released))


def _hold(situation: Situation, draft: Draft, entry: Entry, reason: str, about: Candidate | None = None) -> None:
    question = Held(
        at=situation.now,
        why=reason,
        head=entry.head,
        base=about.base if about else None,
        commit=about.commit if about else None,
        tree=about.code_tree if about else None,
    )
    held = with_event(entry, question, state="queued", candidate=None)
    save(draft, held)
    _keep(draft, held, reason)


def _keep(draft: Draft, entry: Entry, why: str) -> None:
    """Say in the draft that an entry waits for a person, and what to run."""
    text = f"a person has to review it before it lands, because {why}; see `swarmgit review show {entry.task}`"
    draft.unreviewed[entry.id] = reason("review", text, task=entry.task)


def _note(situation: Situation, draft: Draft, entry: Entry, verdict: Verdict) -> None:
    """Write a verdict into the ledger once, before anything lands by it."""
    seen = entry.last(Reviewed)
    if seen is None or (seen.round, seen.verdict) != (verdict.round, verdict.verdict):
        save(draft, with_event(entry, Reviewed(at=situation.now, **_facts(verdict))))


def _send_back(situation: Situation, draft: Draft, entry: Entry, verdict: Verdict) -> None:
    rejection = rejections.by_review(verdict.by, verdict.text, entry.guarded)
    said = _facts(verdict)
    seen = with_event(entry, Reviewed(at=situation.now, **said))
    resolutions.keep_proposal(draft, entry)
    rejected = Rejected(at=situation.now, rejection=rejection.kind, reason=rejection.summary, **said)
    save(draft, with_event(seen, rejected, state="rejected"))
    draft.refused[entry.id] = rejection


def _facts(verdict: Verdict) -> dict[str, Any]:
    """Return what events say of a verdict, by the names of their fields."""
    return {
        "verdict": verdict.verdict,
        "by": verdict.by,
        "how": verdict.how,
        "round": verdict.round,
        "head": verdict.head,
        "policy": verdict.policy,
        "difference": verdict.difference,
    }
