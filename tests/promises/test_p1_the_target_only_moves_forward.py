"""P1: the target only moves forward, only by compare-and-swap, only to a tree on which every required gate passed."""

from __future__ import annotations

import pytest

from swarmgit.app.fsck import check
from swarmgit.app.run import TickReport
from tests.conftest import Repo


def moves(repo: Repo) -> list[str]:
    return repo.git("rev-list", "--first-parent", "--reverse", "main").splitlines()


def violations(repo: Repo) -> set[str]:
    world = repo.world()
    try:
        return {violation.promise for violation in check(world).violations}
    finally:
        world.close()


def test_every_move_is_to_a_child_of_the_old_head_while_people_commit_as_well(repo: Repo) -> None:
    # given tasks, and a person who commits on the target between the ticks
    repo.start()
    for name in ("a", "b", "c"):
        repo.task(name)
    repo.commit()
    heads: list[str] = []

    def on_tick(report: TickReport) -> None:
        heads.append(repo.git("rev-parse", "main"))
        if report.number in {2, 4, 6, 8}:
            repo.write({f"mine-{report.number}.txt": "mine\n"})
            repo.git("add", f"mine-{report.number}.txt")
            repo.git("commit", "-q", "-m", "mine")
            heads.append(repo.git("rev-parse", "main"))

    # when reconcile settles
    result = repo.reconcile(on_tick=on_tick)

    # then nobody's commit is lost, and every head that was seen is on the first-parent line, in that order
    assert result.code == 0
    assert sorted(repo.landed()) == ["a", "b", "c"]
    line = moves(repo)
    places = [line.index(head) for head in heads]
    assert places == sorted(places)
    assert {f"mine-{n}.txt" for n in (2, 4, 6, 8)} <= set(repo.git("ls-tree", "--name-only", "main").splitlines())
    assert violations(repo) == set()


def test_work_that_is_green_alone_and_red_together_does_not_land_together(repo: Repo) -> None:
    # given two tasks whose changes break each other without a textual conflict
    repo.gates = [{"name": "check", "run": "! { test -e a.txt && test -e b.txt && ! test -e peace.txt; }"}]
    repo.start()
    nap = "sleep 0.4; "
    repo.task("a", nap + "echo a > a.txt", budget={"attempts": 1})
    repo.task("b", nap + "echo b > b.txt", budget={"attempts": 1})
    repo.commit()

    result = repo.reconcile()

    assert result.code == 4
    assert sorted(repo.phases().values()) == ["failed", "landed"]
    assert len(repo.landed()) == 1
    assert violations(repo) == set()


@pytest.mark.default_cases("false", "exit 126", "kill -9 *")
@pytest.mark.parametrize("command", ["false", "exit 126", "exit 127", "kill -9 $$", "no-such-program-here"])
def test_nothing_lands_past_a_gate_that_did_not_pass(repo: Repo, command: str) -> None:
    repo.gates = [{"name": "strict", "run": f"test ! -e it.txt || {command}"}]
    repo.start()
    repo.task("it", budget={"attempts": 1})
    repo.commit()
    before = repo.git("rev-parse", "main")

    assert repo.reconcile().code == 4

    assert repo.git("rev-parse", "main") == before
    assert repo.phases() == {"it": "failed"}


def test_an_empty_gate_is_no_pass(repo: Repo) -> None:
    repo.gates = [{"name": "empty", "run": "   "}]
    repo.start()
    repo.task("it", budget={"attempts": 1})
    repo.commit()

    assert repo.reconcile().code in {1, 4}

    assert repo.landed() == []


def test_a_gate_that_kills_its_own_group_is_no_pass_and_ends(repo: Repo) -> None:
    repo.gates = [{"name": "suicide", "run": "test ! -e it.txt || kill -9 0"}]
    repo.start()
    repo.task("it", budget={"attempts": 1})
    repo.commit()

    assert repo.reconcile().code == 4

    assert repo.phases() == {"it": "failed"}
    assert repo.landed() == []


def test_a_gate_that_times_out_is_no_pass(repo: Repo) -> None:
    repo.gates = [{"name": "slow", "run": "test ! -e it.txt || sleep 60", "timeout_minutes": 0.01}]
    repo.start()
    repo.task("it", budget={"attempts": 1})
    repo.commit()

    assert repo.reconcile().code == 4

    assert repo.phases() == {"it": "failed"}
    assert [r.outcome for r in repo.status("it").attempts[0].gates if r.gate == "slow"] == ["error"]


def test_fsck_finds_a_commit_that_no_gate_has_seen(repo: Repo) -> None:
    repo.start()
    repo.task("it")
    repo.commit()
    repo.reconcile()
    assert violations(repo) == set()
    trailers = repo.git("log", "-1", "--format=%B", "main")
    repo.write({"smuggled.txt": "not gated\n"})
    repo.git("add", "smuggled.txt")
    repo.git("commit", "-q", "-m", trailers)

    assert violations(repo) & {"P1", "P2", "I1"}
