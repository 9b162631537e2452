"""P4 in one process: killed at the n-th step, started again, the end is the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from crash_scenario import Fuse, Killed, assert_same_end, begin, try_to_run

from tests.conftest import Repo

GAPS = (3, 12, 60)
STARTS_MAX = 60


def test_the_scenario_ends_as_it_should_when_nobody_is_killed(repo: Repo) -> None:
    fuse = try_to_run(begin(repo))
    assert len(fuse.names) > 50
    assert_same_end(repo)


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


@pytest.mark.parametrize("part", range(4))
def test_killed_at_one_step_it_reaches_the_same_end(tmp_path: Path, part: int) -> None:
    at = random.Random(part).randint(part * 40 + 1, part * 40 + 40)
    one_crash(Repo(tmp_path), at)


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_killed_at_every_step_it_reaches_the_same_end(tmp_path: Path) -> None:
    for at in range(1, 2000):
        place = tmp_path / str(at)
        place.mkdir()
        if not one_crash(Repo(place), at):
            return
    raise AssertionError("the run never gets by with fewer steps")


def one_crash(repo: Repo, at: int) -> bool:
    """Kill at step `at`, start again, and compare; return whether there was such a step."""
    begin(repo)
    fuse = Fuse(at)
    try:
        repo.reconcile(fault=fuse)
    except Killed as killed:
        print("killed at", killed)
        try_to_run(repo)
        assert_same_end(repo)
        return True
    return False
