"""The merge queue: in which order, gated on which exact tree, and what lands now (MERGE-QUEUE.md).

`order` says who stands where, `stacks` what gates have said about the trees of entries merged one on the other,
`choose` which of them land, which are gated next and who is to blame. Here its decision becomes actions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from swarmgit.model.actions import Land, SaveEntry, Unpin
from swarmgit.model.ids import CommitId
from swarmgit.model.status import Candidate, Entry, GateResult, LedgerEvent, Rejection
from swarmgit.plan import evidence, gate_runs, rates, rejections, stacks
from swarmgit.plan.choose import Ask, Blame, Choice, Known, Line, choose, find_searches
from swarmgit.plan.order import order, together
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.stacks import Book, Tip
from swarmgit.plan.verify import Asked, red_target, want

RANK_OF_MERGE = 0
BLOCKED_RETRY_S = 1.0


def run(situation: Situation, draft: Draft) -> None:
    """Write into the draft what the queue does in this tick, and each entry as it stands after it."""
    draft.entries.update(situation.observed.entries)
    _settle_landings(situation, draft)
    target = situation.observed.target_head
    if target is None or situation.observed.freeze is not None:
        return
    landing = [entry for entry in draft.entries.values() if entry.state == "landing"]
    if landing:
        _carry_out(situation, draft, landing)
        return
    _drop_unwanted(situation, draft)
    _line_up(situation, draft, target)


def _drop_unwanted(situation: Situation, draft: Draft) -> None:
    """Take out of the line what a person dropped."""
    for name, control in situation.observed.entry_controls.items():
        entry = draft.entries.get(name)
        if control.dropped and entry is not None and entry.state in {"queued", "gating"}:
            reason = f"dropped by {control.by or 'a person'}" + (f": {control.reason}" if control.reason else "")
            _save(draft, _with_event(situation, entry, "dropped", {"reason": reason}, state="dropped"))
            draft.add(Unpin(name))


# --- landing --------------------------------------------------------------------------------------------------------


def _settle_landings(situation: Situation, draft: Draft) -> None:
    """Close recorded intents by what the target shows: it contains the commit, or it has moved elsewhere."""
    intents = [entry for entry in draft.entries.values() if entry.state == "landing" and entry.candidate]
    done = {e.id for e in intents if e.candidate and e.candidate.commit in situation.observed.contained}
    live = {situation.observed.target_head}
    for entry in sorted(intents, key=lambda e: e.id):
        assert entry.candidate is not None
        if entry.id in done:
            commit = entry.candidate.commit
            landed = _with_event(situation, entry, "landed", {"commit": commit}, state="landed", landed_commit=commit)
            _save(draft, landed)
            draft.add(Unpin(entry.id))
    open_intents = {e.candidate.commit: e for e in intents if e.candidate and e.id not in done}
    live |= _reachable(situation, open_intents)
    for entry in open_intents.values():
        assert entry.candidate is not None
        if entry.candidate.base not in live:
            back = _with_event(
                situation, entry, "abandoned", {"reason": "the target moved"}, state="queued", candidate=None
            )
            _save(draft, back)


def _reachable(situation: Situation, intents: dict[CommitId, Entry]) -> set[CommitId | None]:
    """Return the candidates that still stand, through each other, on the target's present head."""
    reached: set[CommitId | None] = {situation.observed.target_head}
    for _ in range(len(intents)):
        more = {
            commit
            for commit, e in intents.items()
            if e.candidate and e.candidate.base in reached and commit not in reached
        }
        if not more:
            break
        reached |= more
    return reached


def _carry_out(situation: Situation, draft: Draft, landing: list[Entry]) -> None:
    """Move the target along the whole chain of recorded intents; entries of one stack share their commit."""
    target = situation.observed.target_head
    assert target is not None
    if situation.observed.queue_control.paused:
        draft.stuck.update((entry.id, _pause_text(situation)) for entry in landing)
        return
    chain: list[Entry] = []
    at = target
    for _ in range(len(landing)):
        step = [entry for entry in landing if entry.candidate and entry.candidate.base == at]
        if not step or step[0].candidate is None:
            break
        at = step[0].candidate.commit
        chain += [entry for entry in step if entry.candidate and entry.candidate.commit == at]
    if not chain:
        return
    blocked = situation.observed.blocked
    for entry in chain:
        if entry.id in blocked:
            files = ", ".join(blocked[entry.id][:5])
            draft.stuck[entry.id] = f"the landing waits: a local edit is in its way in {files}"
            draft.needs_person = True
            draft.wakes.append(BLOCKED_RETRY_S)
    ids = tuple(entry.id for entry in chain)
    draft.add(Land(ids, situation.swarm.target, target, at))


# --- gating ---------------------------------------------------------------------------------------------------------


def _line_up(situation: Situation, draft: Draft, target: CommitId) -> None:
    """Read what is known of the line's stacks, and do what `choose` decides."""
    swarm = situation.swarm
    waiting = order(situation, draft)[: swarm.merge.batch_max * max(1, swarm.gates_max)]
    book = stacks.open_book(situation, draft)
    stacks.read_line(situation, draft, book, target, waiting[: swarm.merge.batch_max])
    if book.conflict is not None:
        _reject_conflict(situation, draft, *book.conflict)
        return
    stacks.read_asked(situation, draft, book, target)
    suspects = {
        name for search in find_searches(_question(situation, draft, book, waiting)) for name in search.suspects
    }
    if suspects and book.is_complete:
        others = [entry for entry in waiting if entry.id not in suspects]
        stacks.read_line(situation, draft, book, target, others[: swarm.merge.batch_max])
    _note_reds(situation, draft, book)
    question = _question(situation, draft, book, waiting)
    stop = _target_is_red(situation, draft, book, question)
    choice = choose(replace(question, is_target_red=bool(stop)))
    for entry in waiting if stop else ():
        draft.stuck[entry.id] = stop or ""
    _want(situation, draft, book, choice.needed)
    if choice.land:
        _land_stack(situation, draft, book, book.tips[target, choice.land])
    elif book.is_complete:
        _follow(situation, draft, book, choice, is_target_known=stop is not None)


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
        together=together(situation, waiting),
    )


def _reject_conflict(situation: Situation, draft: Draft, entry: Entry, paths: tuple[str, ...]) -> None:
    _reject(situation, draft, entry, rejections.by_conflict(paths, None), {"paths": list(paths)})


def _note_reds(situation: Situation, draft: Draft, book: Book) -> None:
    """Write each red run into the ledger once: how often a tree was red is a fact of the ledger (I6)."""
    for tip in book.tips.values():
        for gate, answer in tip.verdict.bad[:1]:
            if answer.session in book.reds.get(tip.candidate.code_tree, set()):
                continue
            book.reds.setdefault(tip.candidate.code_tree, set()).add(answer.session)
            entry = draft.entries[tip.stack[-1]]
            data = {
                "base": tip.base,
                "stack": list(tip.stack),
                "code_tree": tip.candidate.code_tree,
                "gate": gate.name,
                "outcome": answer.outcome,
                "key": answer.key,
                "session": answer.session,
            }
            _save(draft, _with_event(situation, entry, "red", data))


def _target_is_red(situation: Situation, draft: Draft, book: Book, question: Line) -> str | None:
    """Return why the target is to blame for what is red, '' when nothing is or it is not, None while that is open."""
    for search in find_searches(question):
        tip = book.tips[search.red.base, search.red.stack]
        entry = tip.entries[-1]
        red = red_target(situation, draft, tip.verdict, stacks.since(situation, entry), entry.task)
        if red is None:
            draft.stuck[entry.id] = "a gate is red on the merged tree; the same gate runs on the target"
        if red is None or red:
            draft.needs_person = draft.needs_person or bool(red)
            return red
    return ""


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
        data = {
            "base": ask.base,
            "commit": tip.candidate.commit,
            "code_tree": tip.candidate.code_tree,
            "stack": list(ask.stack),
            "why": ask.why,
        }
        entry = draft.entries[ask.stack[-1]]
        _save(draft, _with_event(situation, entry, "gating", data, state="gating", candidate=tip.candidate))


def _evict(situation: Situation, draft: Draft, tip: Tip, blame: Blame) -> None:
    gate, answer = tip.verdict.bad[0]
    others = f" and {len(blame.green)} others ahead of it, which are green without it," if blame.green else ""
    rejection = rejections.by_gate(gate, answer, f"your change merged with the target{others}")
    data = {"gate": gate.name, "outcome": answer.outcome, "key": answer.key, "base": blame.base, "reds": blame.reds}
    _reject(situation, draft, draft.entries[blame.entry], rejection, {**data, "green": list(blame.green)})


# --- the intent to land -----------------------------------------------------------------------------------------------


def _land_stack(situation: Situation, draft: Draft, book: Book, tip: Tip) -> None:
    """Record the intents of a green stack, so that every commit on the target's first-parent line was gated."""
    if situation.observed.queue_control.paused:
        draft.stuck.update((entry.id, _pause_text(situation)) for entry in tip.entries)
        return
    prefixes = [book.tips[tip.base, tip.stack[:size]] for size in range(1, len(tip.stack) + 1)]
    if all(each.verdict.has_passed for each in prefixes):
        for each in prefixes:
            _intend(situation, draft, each, each.entries[-1], each.candidate)
        return
    batch = situation.observed.merges.get((tip.base, tip.candidate.commit))
    if batch is None:
        stacks.ask_for_batch(situation, draft, tip)
        return
    assert batch.commit is not None, "a descendant always merges"
    assert batch.code_tree == tip.candidate.code_tree, "I1: the batch has the tree that was gated"
    candidate = replace(tip.candidate, base=tip.base, commit=batch.commit)
    for entry in tip.entries:
        _intend(situation, draft, tip, entry, candidate)


def _intend(situation: Situation, draft: Draft, tip: Tip, given: Entry, candidate: Candidate) -> None:
    """Record the intent {old, new, code tree, evidence}; the move itself is the next tick's."""
    entry = draft.entries[given.id]
    gates = evidence.required(situation, situation.desired.tasks.get(entry.task), "merge")
    verdict = evidence.judge(situation, gates, tip.subject, entry.enqueued)
    results: tuple[GateResult, ...] = (*evidence.built_in(candidate.code_tree, situation.now), *verdict.results)
    data: dict[str, Any] = {
        "old": candidate.base,
        "new": candidate.commit,
        "code_tree": candidate.code_tree,
        "required": [*evidence.BUILT_IN, *(gate.name for gate in gates)],
    }
    if candidate.commit != tip.candidate.commit:
        data["stack"] = list(tip.stack)
    intent = _with_event(situation, entry, "landing", data, state="landing", candidate=candidate, evidence=results)
    _save(draft, intent)
    gate_runs.count_reuse(situation, draft, verdict.results)


def _pause_text(situation: Situation) -> str:
    control = situation.observed.queue_control
    return f"landings are paused by {control.by or 'a person'}" + (f": {control.reason}" if control.reason else "")


def _reject(situation: Situation, draft: Draft, entry: Entry, rejection: Rejection, data: dict[str, Any]) -> None:
    refused = _with_event(
        situation, entry, "rejected", {"kind": rejection.kind, "reason": rejection.summary, **data}, state="rejected"
    )
    _save(draft, refused)
    draft.refused[entry.id] = rejection
    draft.add(Unpin(entry.id))


def _with_event(situation: Situation, entry: Entry, kind: str, data: dict[str, Any], **fields: Any) -> Entry:  # noqa: ANN401  fields of Entry, as replace takes them
    return replace(entry, events=(*entry.events, LedgerEvent(situation.now, kind, data)), **fields)


def _save(draft: Draft, entry: Entry) -> None:
    draft.entries[entry.id] = entry
    draft.add(SaveEntry(entry))
