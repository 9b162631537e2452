"""P4 in one process: killed at the n-th step, started again, the end is the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from crash_scenario import assert_same_end, begin, crash_once, steps, sweep, try_to_run

from tests.conftest import Repo

GAPS = (3, 12, 60)
STARTS_MAX = 60
STEPS_MAX = 1201
SWEEP = 40


def go_on(repo: Repo) -> None:
    try_to_run(repo)
    assert_same_end(repo)


def test_the_scenario_ends_as_it_should_when_nobody_is_killed(repo: Repo) -> None:
    fuse = try_to_run(begin(repo))
    assert len(fuse.names) > 50
    assert_same_end(repo)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_again_and_again_it_reaches_the_same_end(repo: Repo, seed: int) -> None:
    dice = random.Random(seed)
    begin(repo)
    for _ in range(STARTS_MAX):
        at = dice.randint(1, GAPS[seed % len(GAPS)])
        if len(try_to_run(repo, at).names) < at:
            break
    else:
        try_to_run(repo)
    assert_same_end(repo)


@pytest.mark.default_cases("none")
@pytest.mark.parametrize("part", range(4))
def test_killed_at_one_step_it_reaches_the_same_end(tmp_path: Path, part: int) -> None:
    at = random.Random(part).randint(part * 40 + 1, part * 40 + 40)
    crash_once(begin(Repo(tmp_path)), at, go_on)


@pytest.mark.crash
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(1, STEPS_MAX, SWEEP))
def test_killed_at_steps_all_along_it_reaches_the_same_end(tmp_path: Path, first: int) -> None:
    is_over = sweep(tmp_path, steps(first, SWEEP, 29), begin, go_on)
    assert is_over or first + SWEEP < STEPS_MAX, "the scenario has more steps than are tried"
