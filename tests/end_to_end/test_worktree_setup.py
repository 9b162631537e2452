"""What `worktree:` in swarm.yaml promises."""

from __future__ import annotations

import pytest

from tests.conftest import Repo


@pytest.mark.slow
def test_set_up_runs_once_for_equal_keys_and_its_outputs_are_never_captured(repo: Repo) -> None:
    log = repo.agents / "setup.log"
    repo.swarm.update(agents_max=1, gates_max=1)
    repo.swarm["worktree"] = {
        "setup": [f"echo ran $SWARM_TASK $SWARM_GATE $PWD >> {log}; mkdir -p deps; echo lib > deps/lib.txt"],
        "setup_key": ["lock"],
    }
    repo.gates = [{"name": "deps", "run": "test -e deps/lib.txt"}]
    repo.start({"lock": "1\n"})
    repo.task("one", "cat deps/lib.txt > one.txt")
    repo.task("two", "cat deps/lib.txt > two.txt")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert repo.show("two.txt") == "lib"
    assert "deps" not in repo.git("ls-tree", "--name-only", "main").split()
    ran_by_agents_and_gates = log.read_text().splitlines()
    assert len(ran_by_agents_and_gates) == 2, ran_by_agents_and_gates


def test_a_set_up_that_fails_is_not_the_agents_fault_and_needs_a_person(repo: Repo) -> None:
    repo.swarm["worktree"] = {"setup": ["echo no such thing >&2; exit 3"]}
    repo.start()
    repo.task("one")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 4
    status = repo.status("one")
    assert status.phase == "needs-human"
    assert "no such thing" in status.reason
    assert {a.outcome for a in status.attempts} == {"error"}


def test_included_files_are_there_and_are_never_captured(repo: Repo) -> None:
    repo.swarm["worktree"] = {"include": [".env.test"]}
    repo.start()
    repo.task("one", "cat .env.test > one.txt")
    repo.commit()
    repo.write({".env.test": "KEY=1\n"})

    repo.reconcile()

    assert repo.show("one.txt") == "KEY=1"
    assert repo.git("ls-tree", "--name-only", "main", ".env.test") == ""


@pytest.mark.slow
def test_sessions_have_ports_of_their_own(repo: Repo) -> None:
    repo.start()
    repo.task("one", 'echo "$SWARM_PORT_0 $SWARM_PORT_3" > one.txt')
    repo.task("two", 'echo "$SWARM_PORT_0 $SWARM_PORT_3" > two.txt')
    repo.commit()

    repo.reconcile()

    one, two = repo.show("one.txt").split(), repo.show("two.txt").split()
    assert int(one[1]) == int(one[0]) + 3
    assert set(one).isdisjoint(two)


def test_a_sparse_worktree_holds_only_what_the_task_owns_and_reads_and_nothing_is_lost(repo: Repo) -> None:
    repo.swarm["worktree"] = {"sparse": True}
    repo.start({"src/a.txt": "a\n", "docs/b.txt": "b\n", "other/c.txt": "c\n"})
    repo.task("one", "seen=$(find . -name '*.txt'; git status --porcelain); echo $seen > src/seen.txt",
              owns=["src/**"])  # fmt: skip
    repo.commit()

    result = repo.reconcile()

    assert result.code == 0
    assert repo.show("src/seen.txt").split() == ["./src/a.txt"]
    assert repo.show("other/c.txt") == "c"
    assert repo.git("diff", "--name-only", "main^", "main") == "src/seen.txt"


def test_an_agents_own_commit_message_becomes_that_of_the_landed_commit(repo: Repo) -> None:
    repo.start()
    repo.task("one", "echo 1 > one.txt; git add one.txt; git commit -q -m 'Teach one to count' -m 'Because it must.'")
    repo.commit()

    repo.reconcile()

    assert repo.git("log", "-1", "--format=%s", "main^2") == "Teach one to count"
    assert "Swarm-Task: one" in repo.git("log", "-1", "--format=%b", "main^2")
