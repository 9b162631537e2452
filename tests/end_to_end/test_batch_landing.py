"""Changes that are gated together, in a real repository."""

from __future__ import annotations

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
