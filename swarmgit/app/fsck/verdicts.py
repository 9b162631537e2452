"""P6: what only a person lets through has that person's verdict, and had it before it landed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import to_builtins

from swarmgit.app.fsck.ledger import Ledger
from swarmgit.app.fsck.report import Violation
from swarmgit.model.ids import CommitId
from swarmgit.model.queue import Entry, LedgerEvent


def judge_verdict(ledger: Ledger, entry: Entry, commit: CommitId) -> Iterator[Violation]:
    """Yield what is wrong with the verdict that a landing needed: by the order of the entry's events, not by clocks."""
    number = next((n for n in range(len(entry.events) - 1, -1, -1) if entry.events[n].kind == "landing"), None)
    before = entry.events[:number]
    questions = [event for event in before if event.kind in {"held", "released"}]
    is_open = bool(questions) and questions[-1].kind == "held"
    if not entry.guarded and not is_open:
        return
    said = _said(before)
    if said is None or said.data.get("verdict") != "pass":
        yield Violation("P6", commit, f"entry {entry.id} landed without a person's verdict, which it had to wait for")
        return
    verdict = ledger.verdicts.get(entry.id)
    if verdict is None or verdict.round < said.data.get("round", 0):
        yield Violation("P6", commit, f"entry {entry.id} says that a person passed it, but there is no such verdict")
        return
    told = {"verdict": verdict.verdict, "head": verdict.head, "difference": to_builtins(verdict.difference)}
    if verdict.round == said.data.get("round") and any(said.data.get(key) != value for key, value in told.items()):
        yield Violation("P6", commit, f"the verdict on entry {entry.id} is about something else than what landed")
    elif verdict.head != entry.head:
        yield Violation("P6", commit, f"the verdict on entry {entry.id} is about {verdict.head}, not {entry.head}")


def _said(before: tuple[LedgerEvent, ...]) -> LedgerEvent | None:
    """Return the verdict on the last question before a landing; None where that was not answered."""
    last = next((event for event in reversed(before) if event.kind in {"held", "reviewed"}), None)
    return last if last is not None and last.kind == "reviewed" else None
