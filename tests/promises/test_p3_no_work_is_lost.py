"""P3: before any worktree, branch or session is removed, what is not landed is saved under refs/swarm/salvage, the next
attempt is told, and a failure to save blocks the removal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from swarmgit.app import control
from swarmgit.app.run import TickReport
from tests.conftest import Repo


def saved(repo: Repo, task: str, number: int = 1) -> str:
    """Return what the salvage of an attempt holds in the task's own file."""
    attempt = repo.status(task).attempts[number - 1]
    assert attempt.salvage == f"refs/swarm/salvage/{task}/{attempt.session}"
    return repo.git("show", f"{attempt.salvage}:{task}.txt")


def prompt(repo: Repo, task: str, number: int) -> str:
    session = repo.status(task).attempts[number - 1].session
    return (repo.root / ".swarm/run/sessions" / session / "prompt.md").read_text()


def kill_session(repo: Repo, task: str) -> Callable[[TickReport], None]:
    """Kill the whole session of a task's first attempt once it runs and has written its file."""

    def on_tick(report: TickReport) -> None:
        marker = repo.agents / "ready"
        for session in report.look.observed.sessions.values():
            if session.spec.task == task and session.spec.attempt == 1 and session.pid and marker.exists():
                marker.unlink()
                os.killpg(session.pid, signal.SIGKILL)

    return on_tick


FIRST = 'echo "try $SWARM_ATTEMPT" > {task}.txt; if [ "$SWARM_ATTEMPT" = 1 ]; then {bad}; fi'


@pytest.mark.default_cases("rejected-touch BROKEN*", "failed-*")
@pytest.mark.parametrize(
    ("outcome", "bad"),
    [
        ("failed", "exit 3"),
        ("timeout", "sleep 60"),
        ("rejected", "touch BROKEN"),
        ("rejected", "echo no > README.md"),
        ("lost", "kill -9 $$"),
    ],
)
def test_work_that_did_not_land_is_saved_and_the_next_attempt_is_told(repo: Repo, outcome: str, bad: str) -> None:
    repo.start()
    owns = ["it.txt", "BROKEN"]
    repo.task("it", FIRST.format(task="it", bad=bad), owns=owns, budget={"minutes": 0.025 if "sleep" in bad else 5})
    repo.commit()

    result = repo.reconcile()

    assert result.code in {0, 4}
    assert repo.status("it").attempts[0].outcome == outcome
    assert saved(repo, "it") == "try 1"
    assert repo.status("it").attempts[0].salvage in prompt(repo, "it", 2)


def test_a_session_that_is_killed_as_a_whole_loses_nothing(repo: Repo) -> None:
    repo.start()
    repo.task("it", FIRST.format(task="it", bad=f"touch {repo.agents}/ready; sleep 60"))
    repo.task("tick", "sleep 1; echo > tick.txt")
    repo.commit()

    result = repo.reconcile(on_tick=kill_session(repo, "it"))

    assert result.code == 0
    assert [a.outcome for a in repo.status("it").attempts] == ["lost", "landed"]
    assert saved(repo, "it") == "try 1"
    assert repo.status("it").attempts[0].salvage in prompt(repo, "it", 2)


@pytest.mark.slow
def test_the_work_of_a_removed_task_is_kept(repo: Repo) -> None:
    repo.start()
    repo.task("it", f"echo precious > it.txt; touch {repo.agents}/ready; sleep 60")
    repo.commit()

    def remove(report: TickReport) -> None:
        if (repo.agents / "ready").exists() and (repo.root / ".swarm/tasks/it.yaml").exists():
            repo.git("rm", "-q", ".swarm/tasks/it.yaml")
            repo.commit(message="never mind")

    repo.task("tick", "sleep 1; echo > tick.txt")
    repo.commit()
    assert repo.reconcile(on_tick=remove).code == 0
    assert repo.phases()["it"] == "cancelled"
    assert saved(repo, "it") == "precious"


@pytest.mark.slow
def test_the_loser_of_a_conflict_is_kept_and_named_to_the_next_attempt(repo: Repo) -> None:
    repo.start({"shared.txt": "one\n"})
    for name in ("left", "right"):
        repo.task(
            name, f'sleep 0.3; echo $SWARM_TASK > {name}.txt; sed -i "s/$/ {name}/" shared.txt', shares=["shared.txt"]
        )
    repo.commit()

    assert repo.reconcile().code == 0

    (loser,) = (name for name in ("left", "right") if len(repo.status(name).attempts) == 2)
    first = repo.status(loser).attempts[0]
    assert first.outcome == "conflict"
    assert repo.git("show", f"{first.salvage}:shared.txt") == f"one {loser}"
    assert first.salvage in prompt(repo, loser, 2)


def test_work_that_its_own_acceptance_refuses_is_kept(repo: Repo) -> None:
    repo.start()
    repo.task(
        "it",
        'echo "try $SWARM_ATTEMPT" > it.txt; touch other.txt',
        owns=["it.txt", "other.txt"],
        acceptance=[{"run": "test -e ok"}],
        budget={"attempts": 1},
    )
    repo.commit()
    assert repo.reconcile().code == 4
    assert saved(repo, "it") == "try 1"


def test_submitted_work_is_kept_when_the_task_is_restarted(repo: Repo) -> None:
    # given submitted work that cannot land because the target itself is red
    repo.gates = [{"name": "check", "run": "false"}]
    repo.start()
    repo.task("it", 'echo "try $SWARM_ATTEMPT" > it.txt')
    repo.commit()
    assert repo.reconcile().code == 4
    assert repo.phases() == {"it": "needs-human"}

    # when a person restarts the task and it is done again
    world = repo.world()
    control.restart(world, "it", by="pat")
    world.close()
    repo.gates = [{"name": "check", "run": "true"}]
    repo.configure()
    repo.commit()
    assert repo.reconcile().code == 0

    # then the first attempt's work is still there
    assert saved(repo, "it") == "try 1"
    assert repo.show("it.txt") == "try 2"
    assert repo.status("it").attempts[0].salvage in prompt(repo, "it", 2)


def test_work_that_a_person_drops_from_the_queue_is_kept(repo: Repo) -> None:
    # given work that waits in the queue for an edit of the person's
    repo.start()
    repo.task("it", 'echo "try $SWARM_ATTEMPT" > it.txt')
    repo.commit()
    repo.write({"it.txt": "mine\n"})
    assert repo.reconcile().code == 4
    assert repo.phases() == {"it": "queued"}

    # when the task is removed
    repo.git("rm", "-q", ".swarm/tasks/it.yaml")
    repo.git("commit", "-q", "-m", "never mind")
    repo.reconcile()

    # then the entry is dropped, and its work is there
    assert repo.phases() == {"it": "cancelled"}
    assert saved(repo, "it") == "try 1"


@pytest.mark.slow
def test_a_failure_to_save_blocks_the_removal(repo: Repo) -> None:
    # given a ref of the person's that stands where the salvage of a task has to go
    repo.start()
    repo.git("update-ref", "refs/swarm/salvage/it", "HEAD")
    repo.task("it", "echo precious > it.txt; echo no > README.md", budget={"attempts": 1})
    repo.commit()

    # when the work cannot be saved
    result = repo.reconcile(timeout_s=8)

    # then it says so, and the worktree is still there
    assert result.code == 1
    assert "salvage" in result.reason
    world = repo.world()
    (tree,) = world.worktrees.leases().values()
    world.close()
    assert (tree / "it.txt").read_text() == "precious\n"

    # and once the person has removed their ref it is saved
    repo.git("update-ref", "-d", "refs/swarm/salvage/it")
    assert repo.reconcile().code == 4
    assert saved(repo, "it") == "precious"
