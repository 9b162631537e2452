"""P6: what only a person lets through has that person's verdict, and had it before it landed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from swarmgit.app.fsck.ledger import Ledger
from swarmgit.app.fsck.report import Violation
from swarmgit.model.ids import CommitId
from swarmgit.model.queue import Entry, Held, Landing, Released, Reviewed


def judge_verdict(ledger: Ledger, entry: Entry, commit: CommitId) -> Iterator[Violation]:
    """Yield what is wrong with the verdict that a landing needed: by the order of the entry's events, not by clocks."""
    number = next((n for n in range(len(entry.events) - 1, -1, -1) if isinstance(entry.events[n], Landing)), None)
    before = replace(entry, events=entry.events[:number])
    if not entry.guarded and not isinstance(before.last(Held, Released), Held):
        return
    said = before.last(Held, Reviewed)
    if not isinstance(said, Reviewed) or said.verdict != "pass":
        yield Violation("P6", commit, f"entry {entry.id} landed without a person's verdict, which it had to wait for")
        return
    verdict = ledger.verdicts.get(entry.id)
    if verdict is None or verdict.round < said.round:
        yield Violation("P6", commit, f"entry {entry.id} says that a person passed it, but there is no such verdict")
        return
    told = (said.verdict, said.head, said.difference)
    if verdict.round == said.round and told != (verdict.verdict, verdict.head, verdict.difference):
        yield Violation("P6", commit, f"the verdict on entry {entry.id} is about something else than what landed")
    elif verdict.head != entry.head:
        yield Violation("P6", commit, f"the verdict on entry {entry.id} is about {verdict.head}, not {entry.head}")
