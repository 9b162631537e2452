"""Stacks of entries as they stand: merged in memory, and judged by what gates have said about their exact trees.

Everything here follows from the ledger and the refs (I6): which stacks were asked for stands in `gating` events, each
red run in a `red` event. Merges that are missing are asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.model import trailers
from swarmgit.model.actions import MergeItem, TryMerges
from swarmgit.model.desired import Gate
from swarmgit.model.ids import CommitId, EntryId, GateName, SessionId, TreeId
from swarmgit.model.observed import MergeTry
from swarmgit.model.queue import (
    Candidate,
    Entry,
    Gating,
    Held,
    Red,
    Resolutions,
    Resolved,
    Resolving,
    Unresolved,
    Why,
)
from swarmgit.model.status import Difference
from swarmgit.plan import evidence, tiers
from swarmgit.plan.choices import Known, Stack
from swarmgit.plan.evidence import Subject, Verdict
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.times import SLACK


class Tip(Struct, frozen=True):
    """The top of a stack: its last entry's commit and tree, and what the gates of all say about the tree.

    `tier` and `resolution` say how the last entry's conflicts with what is below it were resolved, `difference` what it
    changes there, where that was asked for.
    """

    base: CommitId
    entries: tuple[Entry, ...]
    candidate: Candidate
    gates: tuple[Gate, ...]
    verdict: Verdict
    tier: str = "clean"
    resolution: Resolutions = ()
    difference: Difference | None = None

    @property
    def stack(self) -> Stack:
        return tuple(entry.id for entry in self.entries)

    @property
    def subject(self) -> Subject:
        return _subject(self.candidate, self.entries)

    @property
    def recorded(self) -> Resolutions | None:
        """Return what the ledger says about how conflicts were resolved; None where there were none."""
        return self.resolution if self.tier != "clean" else None


class Book(Struct):
    """What this tick knows of stacks. `conflict`: the first in line if it does not merge with the target.

    `together`: who lands together with whom, by the whole line, also where some of them are left out of it now.
    """

    tips: dict[tuple[CommitId, Stack], Tip] = field(default_factory=dict)
    known: dict[tuple[CommitId, Stack], Known] = field(default_factory=dict)
    asked: dict[tuple[CommitId, Stack], Why] = field(default_factory=dict)
    reds: dict[TreeId, set[SessionId | None]] = field(default_factory=dict)
    together: Mapping[EntryId, frozenset[EntryId]] = field(default_factory=dict)
    conflict: tuple[Entry, MergeTry] | None = None
    is_complete: bool = True


def open_book(situation: Situation, draft: Draft) -> Book:
    """Return the book with what the ledger says: stacks asked for, and red runs by tree."""
    book = Book()
    for entry in draft.entries.values():
        for number, event in enumerate(entry.events):
            if isinstance(event, Gating) and event.stack and number > _resolved_at(entry):
                book.asked[event.base, event.stack] = event.why or "exact"
            elif isinstance(event, Red) and since(situation, entry) <= event.at <= situation.now + SLACK:
                book.reds.setdefault(event.code_tree, set()).add(event.session)
    return book


def _resolved_at(entry: Entry) -> int:
    """Return the place of the event since which an entry is other work: what was asked about it before is void."""
    others = (n for n, event in enumerate(entry.events) if isinstance(event, Resolving | Resolved | Unresolved))
    return max(others, default=-1)


EVER = datetime.min.replace(tzinfo=UTC)
"""All instants that are known lie ahead: the clock was set back, and every answer counts."""


def since(situation: Situation, entry: Entry) -> datetime:
    """Return from when on an answer other than pass counts against an entry."""
    control = situation.observed.entry_controls.get(entry.id)
    trusted = situation.observed.trusted_since
    times = (entry.enqueued, control.retry if control else None, trusted)
    return max((at for at in times if at is not None and at <= situation.now), default=EVER)


def read_line(
    situation: Situation, draft: Draft, book: Book, base: CommitId, line: Iterable[Entry]
) -> tuple[Entry, ...]:
    """Note every prefix of a line in the book, and return the entries in it: one that conflicts deeper is left out.

    Where a merge was not tried yet it is asked for, and the book is not complete.
    """
    onto, rest = base, list(line)
    taken: list[Entry] = []
    for position, entry in enumerate(rest):
        tried = situation.tried(onto, entry.work)
        if tried is None or (tried.commit is not None and tried.difference is None and _is_looked_at(entry)):
            ask_for_merges(situation, draft, onto, rest[position:])
            book.is_complete = False
            break
        if tried.commit is None or tried.code_tree is None:
            if not taken and book.conflict is None:
                book.conflict = (entry, tried)
            continue
        taken.append(entry)
        _note(situation, book, base, tuple(taken), tried)
        onto = tried.commit
    return tuple(taken)


def _note(situation: Situation, book: Book, base: CommitId, entries: tuple[Entry, ...], tried: MergeTry) -> None:
    """Judge one stack's tree and write it into the book."""
    key = (base, tuple(entry.id for entry in entries))
    if key in book.tips:
        return
    assert tried.commit is not None
    assert tried.code_tree is not None
    candidate = Candidate(tried.base, tried.commit, tried.code_tree, tried.gate_inputs, tried.signer)
    gates = _gates(situation, entries)
    subject = _subject(candidate, entries)
    verdict = evidence.judge(situation, gates, subject, since(situation, entries[-1]))
    tier, resolution = tiers.how(entries[-1], tried)
    book.tips[key] = Tip(base, entries, candidate, gates, verdict, tier, resolution, tried.difference)
    reds = {answer.session for _, answer in verdict.bad[:1]} | book.reds.get(candidate.code_tree, set())
    book.known[key] = Known(
        base,
        key[1],
        greens=int(verdict.has_passed),
        reds=len(reds) if verdict.bad else 0,
        is_running=_is_running(situation, book, key, verdict, subject),
    )


def _subject(candidate: Candidate, entries: Iterable[Entry]) -> Subject:
    return Subject(candidate.code_tree, candidate.gate_inputs, tuple(entry.work for entry in entries))


def _is_running(
    situation: Situation, book: Book, key: tuple[CommitId, Stack], verdict: Verdict, subject: Subject
) -> bool:
    """Return whether an answer is under way: a run that was asked for, or a red gate's second run."""
    on_target = key[0] == situation.observed.target_head
    if verdict.missing and not verdict.bad and key in book.asked and on_target:
        return True  # off the target it only counts while it is there: nobody may need it any more
    gates = [gate for gate, _ in verdict.bad[:1]] or list(verdict.missing)
    environment = situation.observed.environment
    sessions = (situation.gate_sessions.get(evidence.key_of(gate, environment, subject)) for gate in gates)
    return any(session is not None and not session.is_over for session in sessions)


def _gates(situation: Situation, entries: tuple[Entry, ...]) -> tuple[Gate, ...]:
    """Return what must pass on the tree of a stack: the configured gates, and every member's own commands."""
    return tuple(dict.fromkeys(gate for entry in entries for gate in gates_of(situation, entry)))


def gates_of(situation: Situation, entry: Entry) -> tuple[Gate, ...]:
    """Return what an entry's tree must pass; after a resolution also what the tasks on the other side asked for."""
    own = situation.desired.tasks.get(entry.task)
    found = list(evidence.required(situation, own, "merge"))
    for name in tiers.other_tasks(entry):
        task = situation.desired.tasks.get(name)
        theirs = evidence.acceptance(task) if task else ()
        found += [replace(gate, name=GateName(f"{name}/{gate.name}")) for gate in theirs]
    return tuple(found)


def read_asked(situation: Situation, draft: Draft, book: Book, target: CommitId) -> None:
    """Note the stacks that were asked for earlier and still say something about entries that wait.

    Only on the target, and on bases from which landings of ours lead to it: what somebody else committed since may
    have mended what was red.
    """
    bases = own_bases(draft.entries, target)
    for (base, stack), why in book.asked.items():
        if base not in bases or (base != target and why == "exact" and not _has_red(draft, stack)):
            continue
        entries = [draft.entries.get(name) for name in stack]
        members = [entry for entry in entries if entry is not None and entry.state not in {"rejected", "dropped"}]
        waits = members and members[-1].state in {"queued", "gating"}
        if waits and len(members) == len(stack):
            read_line(situation, draft, book, base, members)


def _has_red(draft: Draft, stack: Stack) -> bool:
    entry = draft.entries.get(stack[-1])
    return entry is not None and entry.last(Red) is not None


def own_bases(entries: Mapping[EntryId, Entry], target: CommitId) -> set[CommitId]:
    """Return the target's head and the commits from which nothing but landings of ours leads to it."""
    landed = {e.candidate.commit: e.candidate.base for e in entries.values() if e.state == "landed" and e.candidate}
    bases = {target}
    at = target
    for _ in range(len(landed)):
        if at not in landed:
            break
        at = landed[at]
        bases.add(at)
    return bases


# --- merges -----------------------------------------------------------------------------------------------------------


def ask_for_merges(situation: Situation, draft: Draft, onto: CommitId, line: list[Entry]) -> None:
    items = tuple(
        MergeItem(
            entry.id,
            entry.task,
            entry.work,
            _message(situation, entry),
            entry.guarded if _is_looked_at(entry) else None,
        )
        for entry in line
    )
    merge = situation.swarm.merge
    auto = merge if "auto" in merge.tiers else None
    is_signed = merge.sign is not None
    draft.add(TryMerges(onto, items, situation.desired.gates, merge.style, auto, situation.rules, is_signed))


def _is_looked_at(entry: Entry) -> bool:
    """Return whether a person's verdict was asked for, so that what the entry changes has to be known."""
    return entry.last(Held) is not None


def ask_for_batch(situation: Situation, draft: Draft, tip: Tip) -> None:
    """Ask for the one commit that moves the target to a stack's tree; its second parent is the chain (Landing)."""
    last = tip.entries[-1]
    tasks = [entry.task for entry in tip.entries]
    named = f"{', '.join(tasks[:3])}{f' and {len(tasks) - 3} more' if len(tasks) > 3 else ''}"
    subject = f"Land {len(tasks)} tasks: {named}"
    message = trailers.message(subject, "They were gated together.", *map(_maker, tip.entries))
    item = MergeItem(last.id, last.task, tip.candidate.commit, message)
    is_signed = situation.swarm.merge.sign is not None
    draft.add(TryMerges(tip.base, (item,), situation.desired.gates, "merge", is_signed=is_signed))


def _message(situation: Situation, entry: Entry) -> str:
    task = situation.desired.tasks.get(entry.task)
    subject = f"Land {entry.task}: {task.title}" if task else f"Land {entry.task}"
    return trailers.message(subject, "", _maker(entry))


def _maker(entry: Entry) -> trailers.Maker:
    return trailers.Maker(entry.task, entry.agent, entry.session, entry.model or "unknown", entry.attempt, entry.run)
