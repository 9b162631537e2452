"""Commits that cannot be had, in values: what stands on them is lost, what was derived from them is made again."""

from __future__ import annotations

import pytest
from values import life, never_ends, task

from swarmgit.model.ids import CommitId
from swarmgit.model.observed import Lack


def gone(*commits: CommitId | None) -> dict[CommitId, Lack]:
    return {commit: Lack("absent", f"commit {commit} is not in this repository") for commit in commits if commit}


@pytest.mark.parametrize("part", ["head", "base"])
def test_submitted_work_that_cannot_be_had_is_lost_and_uses_no_attempt_up(part: str) -> None:
    made = life(task("it"))
    for _ in range(40):
        made.tick()
        last = made.status("it").last if made.observed.statuses else None
        if last is not None and last.outcome == "submitted":
            break
    assert last is not None
    made.see(missing=gone(getattr(last, part)), target_head=CommitId("elsewhere"))
    made.tick()
    made.see(missing={})
    made.settle()
    assert [a.outcome for a in made.status("it").attempts] == ["lost", "landed"]
    assert made.landed() == ["it"]


def test_a_session_whose_base_cannot_be_had_is_stopped_and_started_on_the_present_target() -> None:
    made = life(task("it"), ends=never_ends)
    made.tick()
    made.tick()
    first = made.status("it").attempts[0]
    made.see(missing=gone(first.base), target_head=CommitId("elsewhere"))
    for _ in range(10):
        made.tick()
    assert made.status("it").attempts[0].outcome == "lost"
    assert made.status("it").attempts[-1].base == "elsewhere"
