"""The real chooser in a model world. The simulator itself raises BrokenPromise where one of I1 to I6 does not hold."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from swarmgit.app.simulate import Figures, Setting, standard_table
from swarmgit.app.simulate.compare import this_queue, this_queue_trusting
from swarmgit.app.simulate.model import Truth

TABLE = {
    (0.02, 1): (41, 0.15),
    (0.02, 8): (171, 0.29),
    (0.1, 1): (11, 0.55),
    (0.1, 8): (57, 0.84),
    (0.3, 8): (29, 1.7),
}
NOISE = 1.15

SETTINGS = st.builds(
    Setting,
    entries=st.integers(1, 60),
    bad=st.floats(0, 1),
    clash=st.floats(0, 0.5),
    flaky=st.floats(0, 0.6),
    slots=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    retries=st.integers(0, 2),
    batch_max=st.integers(1, 64),
)


@settings(max_examples=150, deadline=None)
@given(SETTINGS)
def test_every_queue_ends_within_its_budget_and_nobody_is_evicted_without_isolation(setting: Setting) -> None:
    figures = this_queue(setting)
    assert figures.landed + figures.evicted == setting.entries


@settings(max_examples=100, deadline=None)
@given(SETTINGS)
def test_where_no_run_lies_all_good_changes_land_and_no_bad_one(setting: Setting) -> None:
    honest = replace(setting, flaky=0.0, clash=0.0)
    figures = this_queue(honest)
    assert figures.landed == honest.entries - len(Truth.of(honest).bad)
    assert figures.innocent == 0


@settings(max_examples=60, deadline=None)
@given(SETTINGS)
def test_the_same_seed_gives_the_same_run(setting: Setting) -> None:
    assert this_queue(setting) == this_queue(setting)


@pytest.mark.parametrize("culprits", [1, 2, 8])
def test_a_poisoned_batch_stays_within_its_budget(culprits: int) -> None:
    # given one slot, and a batch in which each culprit costs a search, a second red run, and a batch begun anew
    size = 8
    setting = Setting(entries=size, bad=culprits / size, slots=1, seed=3)
    bad = len(Truth.of(setting).bad)
    figures = this_queue(setting)
    assert figures.gate_runs <= (bad + 1) * (ceil(log2(size)) + 2)


@pytest.mark.parametrize("slots", [1, 8])
def test_a_gate_that_lies_one_time_in_twenty_evicts_hardly_anybody(slots: int) -> None:
    figures = this_queue(Setting(entries=1000, bad=0.1, flaky=0.05, slots=slots))
    assert figures.innocent <= 3


@pytest.mark.slow
def test_the_figures_reach_the_table_of_the_specification() -> None:
    # given a gate that never lies, as the table has it: a second run of a red tree teaches nothing there
    for (bad, slots), (per_hour, runs) in TABLE.items():
        figures = this_queue_trusting(Setting(entries=1000, bad=bad, slots=slots))
        assert figures.landed_per_hour * NOISE >= per_hour
        assert figures.runs_per_landed <= runs * NOISE


@pytest.mark.slow
def test_with_each_red_seen_twice_it_still_beats_every_peer() -> None:
    table = standard_table(Setting(entries=400))
    for column in TABLE:
        best_peer = max(row[column].landed_per_hour for name, row in table.items() if "this queue" not in name)
        assert table["this queue"][column].landed_per_hour > best_peer * 0.8


def test_an_empty_queue_has_figures_too() -> None:
    assert this_queue(Setting(entries=0)) == Figures(0, 0, 0, 0, 0.0, ())
