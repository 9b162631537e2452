"""P1 and P5 at the worst instant: a person acts between any two steps of a landing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from swarmgit.app.fsck import check
from tests.conftest import Repo

STEPS = [
    "Land",
    "landing: candidate brought",
    "published",
    "landing: recorded",
    "landing: locked",
    "landing: looked",
    "landing: moved",
    "landing: followed",
    "landing: unlocked",
]

OFTEN = {"landing: recorded", "landing: looked", "landing: moved"}


def sh(repo: Repo, script: str) -> None:
    """Do what a person does; where git refuses because of a lock, they shrug."""
    subprocess.run(["/bin/sh", "-c", script], cwd=repo.root, capture_output=True, check=False)


ACTS = {
    "commits": "echo mine > mine.txt; git add mine.txt && git commit -q -m mine -- mine.txt",
    "commits everything": "echo mine > mine.txt; git add -A && git commit -q -m mine",
    "edits the same file": "echo precious > shared.txt",
    "makes the same new file": "echo precious > new.txt",
    "switches": "git checkout -q other",
    "stashes": "echo precious > notes.txt; git stash -q -u",
    "resets": "git reset -q --hard",
}


def at(repo: Repo, step: str, act: str) -> Callable[[str], None]:
    done: list[str] = []

    def fault(name: str) -> None:
        if name == step and not done:
            done.append(name)
            sh(repo, ACTS[act])

    return fault


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("step", [s if s in OFTEN else pytest.param(s, marks=pytest.mark.slow) for s in STEPS])
def test_nothing_of_a_persons_is_lost_and_the_target_only_moves_forward(repo: Repo, step: str, act: str) -> None:
    repo.start({"shared.txt": "one\n", "notes.txt": "notes\n"})
    repo.git("branch", "other")
    repo.task("it", "echo theirs > shared.txt; echo theirs > new.txt", owns=["shared.txt", "new.txt"])
    repo.commit()
    before = repo.git("rev-parse", "main")

    result = repo.reconcile(fault=at(repo, step, act))

    # whatever happened, history goes on from where it was, and what the person wrote is there
    assert result.code in {0, 4}
    repo.git("merge-base", "--is-ancestor", before, "main")
    if act == "edits the same file":
        assert (repo.root / "shared.txt").read_text() == "precious\n"
    if act == "makes the same new file":
        assert (repo.root / "new.txt").read_text() == "precious\n"
    if act.startswith("commits"):
        assert (repo.root / "mine.txt").read_text() == "mine\n"
        mine = repo.git("log", "--format=%H", "--grep=^mine$", "main")
        if mine:  # their commit holds their change and nothing of swarmgit's
            assert repo.git("show", "--format=", "--name-status", mine) == "A\tmine.txt"
    if act == "stashes" and repo.git("stash", "list"):
        assert repo.git("show", "stash@{0}:notes.txt") == "precious"
    # and once nothing is in the way any more, it lands, whole and clean
    sh(repo, "git checkout -q -f main; git reset -q --hard; git clean -fdq")
    assert repo.reconcile().code == 0
    assert repo.landed() == ["it"]
    assert repo.show("shared.txt") == "theirs"
    assert repo.git("status", "--porcelain") == ""
    assert (repo.root / "new.txt").read_text() == "theirs\n"
    world = repo.world()
    assert check(world).violations == ()
    world.close()
