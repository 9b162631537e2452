"""The merge queue: in which order, gated on which exact tree, and what lands now (docs/merge-queue.md).

`order` sorts the line, `stacks` has what gates said, `choose` decides. Here its decision becomes actions.
"""

from __future__ import annotations

from msgspec.structs import replace

from swarmgit.model.ids import CommitId
from swarmgit.model.observed import MergeTry
from swarmgit.model.queue import Entry, Gating, Red, Rejected
from swarmgit.model.reasons import Reason, reason
from swarmgit.model.status import Rejection
from swarmgit.plan import (
    clashes,
    evidence,
    full_runs,
    landings,
    losses,
    mergers,
    pushes,
    rates,
    rejections,
    resolutions,
    reviews,
    stacks,
    submissions,
    withdrawal,
)
from swarmgit.plan.choices import Ask, Blame, Choice, Known, Line
from swarmgit.plan.choose import EXACT_SLOTS_MAX, choose, find_searches
from swarmgit.plan.evidence import Subject
from swarmgit.plan.landings import save, unpin, with_event
from swarmgit.plan.order import first_whole, near, order, together
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.stacks import Book, Tip
from swarmgit.plan.verify import Asked, awaits_target, red_target, want
from swarmgit.state import kinds

RANK_OF_MERGE = 0


def run(situation: Situation, draft: Draft) -> None:
    """Write into the draft what the queue does in this tick, and each entry as it stands after it."""
    draft.entries.update(situation.observed.entries)
    landings.settle(situation, draft)
    withdrawal.drop_landed(situation, draft)
    losses.settle(situation, draft)
    submissions.pin(situation, draft)
    pushes.tend(situation, draft)
    mergers.follow(situation, draft)
    target = situation.observed.target_head
    reviews.hold(situation, draft)
    withdrawal.drop_unwanted(situation, draft)
    if target is None or situation.observed.freeze is not None:
        return
    landings.make_way(situation, draft)
    landings.take_back(situation, draft)
    landing = [entry for entry in draft.entries.values() if entry.state == "landing"]
    if landing:
        landings.carry_out(situation, draft, landing)
        return
    if pushes.catch_up(situation, draft):
        return
    clashes.void(situation, draft)
    _line_up(situation, draft, target)


# --- gating ---------------------------------------------------------------------------------------------------------


def _line_up(situation: Situation, draft: Draft, target: CommitId) -> None:
    """Read what is known of the line's stacks, and do what `choose` decides."""
    book = stacks.open_book(situation, draft)
    waiting = _read(situation, draft, book, target)
    _note_reds(situation, draft, book)
    question = _question(situation, draft, book, waiting)
    stop = full_runs.stop(situation, draft) or _target_is_red(situation, draft, book, question)
    choice = choose(replace(question, is_target_red=bool(stop)))
    if isinstance(stop, Reason):
        draft.stuck.update((entry.id, stop) for entry in waiting)
    _want(situation, draft, book, choice.needed)
    if choice.land:
        prefixes = [book.tips[target, choice.land[:size]] for size in range(1, len(choice.land) + 1)]
        differ = [tip for tip in prefixes if reviews.question(situation, draft, tip)]
        if not differ:
            landings.land_stack(situation, draft, book, prefixes[-1])
    elif book.is_complete:
        _follow(situation, draft, book, choice, is_target_known=stop is not None)


def _read(situation: Situation, draft: Draft, book: Book, target: CommitId) -> list[Entry]:
    """Write the stacks that matter now into the book, and return the line without whom a conflict keeps out of it."""
    merge = situation.swarm.merge
    line = order(situation, draft)
    book.together = together(situation, line)
    waiting = first_whole(line, merge.batch_max * max(1, situation.swarm.gates_max), book.together)
    asked = first_whole(waiting, merge.batch_max, book.together)
    taken = stacks.read_line(situation, draft, book, target, asked)
    if book.conflict is not None:
        entry, tried = book.conflict
        _settle_conflict(situation, draft, entry, tried)
        group = book.together.get(entry.id, frozenset()) | {entry.id}
        waiting, asked = ([e for e in line if e.id not in group] for line in (waiting, asked))
        taken = stacks.read_line(situation, draft, book, target, asked)
    stacks.read_asked(situation, draft, book, target)
    if book.is_complete:
        waiting = _without_clashes(situation, draft, book, waiting, asked, taken)
    searches = find_searches(_question(situation, draft, book, waiting))
    suspects = {name for search in searches for name in search.suspects}
    if suspects and book.is_complete:
        others = first_whole([e for e in waiting if e.id not in suspects], merge.batch_max, book.together)
        taken = stacks.read_line(situation, draft, book, target, others)
        if book.is_complete:
            waiting = _without_clashes(situation, draft, book, waiting, others, taken)
    return waiting


def _settle_conflict(situation: Situation, draft: Draft, entry: Entry, tried: MergeTry) -> None:
    """Let a session resolve an entry's conflict with the target, or send the work back."""
    if not resolutions.begin(situation, draft, entry, tried):
        refused = rejections.by_conflict(tried.conflicts, None)
        paths = tried.conflicts
        rejected = Rejected(at=situation.now, rejection=refused.kind, reason=refused.summary, paths=paths)
        _reject(draft, entry, refused, rejected)


def _without_clashes(
    situation: Situation, draft: Draft, book: Book, waiting: list[Entry], asked: list[Entry], taken: tuple[Entry, ...]
) -> list[Entry]:
    """Return the line without the entries that conflict with one before them: they wait until that one has landed.

    Who lands together with one of those waits too; where they conflict with each other, that is settled first.
    """
    taken_ids = {entry.id for entry in taken}
    clashing = {entry.id for entry in asked if entry.id not in taken_ids}
    for group in {book.together[name] for name in clashing if name in book.together}:
        assert situation.observed.target_head is not None
        members = [entry for entry in waiting if entry.id in group]
        found = clashes.bring_together(situation, draft, situation.observed.target_head, members)
        if found is not None:
            _settle_conflict(situation, draft, *found)
    apart = clashing | {name for entry in clashing for name in book.together.get(entry, ())}
    return [entry for entry in waiting if entry.id not in apart]


def _question(situation: Situation, draft: Draft, book: Book, waiting: list[Entry]) -> Line:
    learned = rates.learn(draft.entries.values())
    swarm, target = situation.swarm, situation.observed.target_head
    assert target is not None
    live = {key for key, session in situation.gate_sessions.items() if not session.is_over}
    running = [tip for key, tip in book.tips.items() if book.known[key].is_running]
    environment = situation.observed.environment
    due = {evidence.key_of(gate, environment, tip.subject) for tip in running for gate in tip.verdict.missing}
    return Line(
        target=target,
        entries=tuple(entry.id for entry in waiting),
        known=tuple(book.known.values()),
        slots_free=swarm.gates_max - len(live | due),
        slots=swarm.gates_max,
        rates=learned.rates,
        retries=swarm.merge.flaky_retries,
        batch_max=swarm.merge.batch_max,
        chances={entry.id: learned.chance(entry) for entry in waiting},
        near=near(situation, waiting) if swarm.gates_max > EXACT_SLOTS_MAX else {},
        together=book.together,
    )


def _note_reds(situation: Situation, draft: Draft, book: Book) -> None:
    """Write each red run into the ledger once: how often a tree was red is a fact of the ledger (I6)."""
    for tip in book.tips.values():
        for gate, answer in tip.verdict.bad[:1]:
            if answer.session in book.reds.get(tip.candidate.code_tree, set()):
                continue
            book.reds.setdefault(tip.candidate.code_tree, set()).add(answer.session)
            entry = draft.entries[tip.stack[-1]]
            red = Red(
                at=situation.now,
                base=tip.base,
                stack=tip.stack,
                code_tree=tip.candidate.code_tree,
                gate=gate.name,
                outcome=answer.outcome,
                key=answer.key,
                session=answer.session,
            )
            save(draft, with_event(entry, red))


def _target_is_red(situation: Situation, draft: Draft, book: Book, question: Line) -> Reason | str | None:
    """Return why the target is to blame for what is red, '' when nothing is or it is not, None while that is open."""
    for search in find_searches(question):
        tip = book.tips[search.red.base, search.red.stack]
        entry = tip.entries[-1]
        red = red_target(situation, draft, tip.verdict, stacks.since(situation, entry), entry.task)
        if red and _runs_target_again(situation, draft, tip):
            red = None
        if red is None:
            draft.stuck[entry.id] = awaits_target("a gate is red on the merged tree; the same gate runs on the target")
        if red is None or red:
            draft.needs_person = draft.needs_person or bool(red)
            return red and reason("red target", red)
    return ""


def _runs_target_again(situation: Situation, draft: Draft, tip: Tip) -> bool:
    """Ask for another run where the target may have been red by a lie; return whether there is one to wait for."""
    observed = situation.observed
    assert observed.target_code_tree is not None
    assert observed.target_head is not None
    subject = Subject(observed.target_code_tree, observed.target_gate_inputs)
    bad, since = tuple(gate for gate, _ in tip.verdict.bad), stacks.since(situation, tip.entries[-1])
    baseline = evidence.judge(situation, bad, subject, since)
    histories = {**observed.gate_histories, **draft.histories}
    again = tuple(
        gate
        for gate, _ in baseline.bad
        if (history := histories.get(gate.name))
        and not observed.is_broken(kinds.GATES.file(gate.name))
        and sum(run["tree"] == subject.code_tree and run["outcome"] != "pass" for run in history.recent)
        <= situation.swarm.merge.flaky_retries
    )
    asked = Asked(observed.target_head, "the target again: it may be a flake", RANK_OF_MERGE, tip.entries[-1].task)
    want(situation, draft, replace(baseline, missing=again), subject, asked)
    return bool(again)


def _want(situation: Situation, draft: Draft, book: Book, needed: tuple[Known, ...]) -> None:
    """Ask again for the runs under way: what nobody wants is stopped."""
    for known in needed:
        _want_tip(situation, draft, book.tips[known.base, known.stack])


def _want_tip(situation: Situation, draft: Draft, tip: Tip) -> None:
    again = tuple(gate for gate, _ in tip.verdict.bad[:1])
    asked = Asked(tip.candidate.commit, "the merged tree", RANK_OF_MERGE, tip.entries[-1].task)
    want(situation, draft, replace(tip.verdict, missing=again or tip.verdict.missing), tip.subject, asked)


def _follow(situation: Situation, draft: Draft, book: Book, choice: Choice, *, is_target_known: bool) -> None:
    for blame in choice.evict if is_target_known else ():
        _evict(situation, draft, book.tips[blame.base, (*blame.green, blame.entry)], blame)
    for ask in choice.gate:
        tip = book.tips.get((ask.base, ask.stack))
        if tip is None:
            members = [draft.entries[name] for name in ask.stack]
            stacks.read_line(situation, draft, book, ask.base, members)
            tip = book.tips.get((ask.base, ask.stack))
        if tip is not None:
            _ask(situation, draft, book, tip, ask)


def _ask(situation: Situation, draft: Draft, book: Book, tip: Tip, ask: Ask) -> None:
    _want_tip(situation, draft, tip)
    if book.asked.get((ask.base, ask.stack)) is None:
        gating = Gating(
            at=situation.now,
            base=ask.base,
            commit=tip.candidate.commit,
            code_tree=tip.candidate.code_tree,
            stack=ask.stack,
            why=ask.why,
            tier=tip.tier,
            resolution=tip.recorded,
        )
        entry = draft.entries[ask.stack[-1]]
        save(draft, with_event(entry, gating, state="gating", candidate=tip.candidate, tier=tip.tier))


def _evict(situation: Situation, draft: Draft, tip: Tip, blame: Blame) -> None:
    gate, answer = tip.verdict.bad[0]
    others = f" and {len(blame.green)} others ahead of it, which are green without it," if blame.green else ""
    rejection = rejections.by_gate(gate, answer, f"your change merged with the target{others}")
    if resolutions.begin_again(situation, draft, draft.entries[blame.entry], rejection):
        return
    rejected = Rejected(
        at=situation.now,
        rejection=rejection.kind,
        reason=rejection.summary,
        gate=gate.name,
        outcome=answer.outcome,
        key=answer.key,
        base=blame.base,
        green=blame.green,
        reds=blame.reds,
    )
    _reject(draft, draft.entries[blame.entry], rejection, rejected)


def _reject(draft: Draft, entry: Entry, rejection: Rejection, rejected: Rejected) -> None:
    resolutions.keep_proposal(draft, entry)
    save(draft, with_event(entry, rejected, state="rejected"))
    draft.refused[entry.id] = rejection
    draft.add(unpin(entry))
