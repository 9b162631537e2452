"""Which trees are gated, what lands, who is to blame."""

from __future__ import annotations

from typing import Any

from swarmgit.model.ids import CommitId, EntryId
from swarmgit.plan.choices import Ask, Blame, Known, Line, Rates, Stack
from swarmgit.plan.choose import choose, quantiles

TARGET = CommitId("t")
OLDER = CommitId("s")


def stack(names: str) -> Stack:
    return tuple(EntryId(name) for name in names)


def known(names: str, greens: int = 0, reds: int = 0, base: CommitId = TARGET, **more: Any) -> Known:
    return Known(base, stack(names), greens, reds, **more)


def line(names: str, *facts: Known, slots: int = 1, **more: Any) -> Line:
    running = sum(k.is_running for k in facts)
    return Line(TARGET, stack(names), facts, slots - running, slots, **more)


def test_one_slot_gates_one_batch_that_is_green_half_the_time() -> None:
    names = "abcdefghijkl"
    assert choose(line(names, rates=Rates(0.1, 0.0))).gate == (Ask(TARGET, stack("abcdefg"), "exact"),)


def test_few_slots_gate_stacked_prefixes_at_the_quantiles_of_the_first_bad_entry() -> None:
    gate = choose(line("abcdefghijklmnop", slots=3, rates=Rates(0.1, 0.0))).gate
    assert [len(ask.stack) for ask in gate] == [13, 7, 3]
    assert {ask.why for ask in gate} == {"exact"}


def test_quantiles_stay_inside_what_is_known_to_hold_a_bad_entry() -> None:
    assert quantiles([0.1] * 8, 1, is_one_bad=True) == [3]
    assert quantiles([0.1] * 2, 5, is_one_bad=True) == [1]
    assert quantiles([0.1] * 3, 8, is_one_bad=False) == [1, 2, 3]


def test_the_longest_green_prefix_lands() -> None:
    assert choose(line("abcd", known("a", 1), known("abc", 1), known("abcd", 0, 1))).land == stack("abc")


def test_what_is_green_on_an_older_target_does_not_land() -> None:
    assert choose(line("ab", known("ab", 1, base=OLDER))).land == ()


def test_a_green_stack_waits_for_a_longer_run_that_its_landing_would_spoil() -> None:
    chosen = choose(line("abcd", known("d", 1), known("abc", is_running=True), slots=8))
    assert chosen.land == ()
    assert chosen.needed == (known("abc", is_running=True),)


def test_a_red_prefix_is_cut_inside() -> None:
    assert choose(line("abcd", known("abcd", 0, 1))).gate == (Ask(TARGET, stack("ab"), "search"),)


def test_a_red_tree_that_is_likely_a_lie_runs_again_first() -> None:
    rates = Rates(0.01, 0.0, 0.3)
    assert choose(line("abcd", known("abcd", 0, 1), rates=rates)).gate == (Ask(TARGET, stack("abcd"), "rerun"),)


def test_the_last_suspect_needs_no_run_of_its_own_but_is_red_twice_before_it_leaves() -> None:
    facts = (known("abc", 1, base=OLDER), known("abcd", 0, 1, base=OLDER))
    assert choose(line("d", *facts)).gate == (Ask(OLDER, stack("abcd"), "rerun"),)
    twice = (facts[0], known("abcd", 0, 2, base=OLDER))
    assert choose(line("d", *twice)).evict == (Blame(EntryId("d"), OLDER, stack("abc"), 2),)


def test_a_suspect_steps_aside_and_the_others_go_on() -> None:
    asks = choose(line("abc", known("a", 0, 1), slots=2)).gate
    assert asks[0] == Ask(TARGET, stack("a"), "rerun")
    assert asks[1].stack[0] == "b"


def test_red_with_others_evicts_nobody() -> None:
    assert choose(line("ab", known("ab", 0, 2))).evict == ()


def test_a_red_run_below_a_green_one_lied() -> None:
    assert choose(line("abc", known("a", 0, 2), known("ab", 1))).land == stack("ab")


def test_a_red_target_evicts_nobody_and_gates_nothing() -> None:
    chosen = choose(line("a", known("a", 0, 2), is_target_red=True))
    assert (chosen.land, chosen.gate, chosen.evict) == ((), (), ())


def test_a_backlog_is_screened_in_groups_beside_one_exact_run() -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    facts = (known("ab", 1, base=OLDER), known("cd", 1, base=OLDER))
    gate = choose(line(names, *facts, slots=4, rates=Rates(0.3, 0.0))).gate
    assert gate[0] == Ask(TARGET, stack("abcd"), "exact")
    assert [ask.why for ask in gate[1:]] == ["screen"] * 3
    assert len({entry for ask in gate for entry in ask.stack}) == sum(len(ask.stack) for ask in gate)


def test_entries_with_overlapping_scopes_are_not_screened_apart() -> None:
    near = {EntryId("a"): frozenset(stack("c")), EntryId("c"): frozenset(stack("a"))}
    gate = choose(line("abcdefghijkl", slots=4, rates=Rates(0.5, 0.0), near=near)).gate
    assert not any("c" in ask.stack for ask in gate if "a" not in ask.stack)


def test_a_run_with_somebody_in_it_who_has_left_is_not_needed() -> None:
    running = known("xab", is_running=True)
    assert choose(line("ab", running, slots=2)).needed == ()
