"""Changes that are gated together, in a real repository."""

from __future__ import annotations

import pytest

from swarmgit.app.fsck import check
from tests.conftest import Repo

NAMES = [f"t{number}" for number in range(8)]


def test_a_batch_with_one_culprit_lands_without_it_and_the_history_is_proven(repo: Repo) -> None:
    repo.gates = [{"name": "late", "run": "! grep -q bad t*.txt", "when": ["merge"]}]
    repo.swarm["agents_max"] = 8
    repo.start({"t.txt": "good\n"})
    for name in NAMES:
        repo.task(name, f"echo {'bad' if name == 't3' else 'good'} > {name}.txt", budget={"attempts": 1})
    repo.commit()

    result = repo.reconcile()

    assert result.code == 4
    assert repo.phases() == {name: "failed" if name == "t3" else "landed" for name in NAMES}
    runs = int(repo.git("rev-list", "--count", "--first-parent", "main"))
    assert runs <= 2 + len(NAMES)
    world = repo.world()
    try:
        assert check(world).violations == ()
    finally:
        world.close()


@pytest.mark.slow
def test_entries_that_conflict_with_one_before_them_wait_for_it_and_then_go_back(repo: Repo) -> None:
    repo.start({"shared.txt": "one\n"})
    script = 'sed -i "s/.*/& $SWARM_TASK/" shared.txt; echo $SWARM_TASK > $SWARM_TASK.txt'
    for name in ("left", "right"):
        repo.task(name, script, shares=["shared.txt"])
    repo.task("other")
    repo.commit()
    repo.swarmgit("queue", "pause")
    repo.reconcile()
    assert repo.phases() == {"left": "queued", "right": "queued", "other": "queued"}
    repo.swarmgit("queue", "resume")

    result = repo.reconcile()

    assert result.code == 0
    assert sorted(repo.show("shared.txt").split()) == ["left", "one", "right"]
    assert repo.phases() == {"left": "landed", "right": "landed", "other": "landed"}
