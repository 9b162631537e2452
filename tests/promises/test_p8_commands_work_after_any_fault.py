"""P8: a step that keeps failing needs a person for its task alone, and every command answers, whatever is broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmgit.app import control
from swarmgit.app.run import TickReport
from swarmgit.plan.failures import SAME_MAX
from tests.conftest import Repo

BAD = 'echo "try $SWARM_ATTEMPT" > bad.txt; [ "$SWARM_ATTEMPT" != 1 ] || echo no > README.md'
"""The first attempt is refused, the next one is good."""


def stuck(repo: Repo, script: str = BAD) -> Repo:
    repo.start()
    repo.task("bad", script)
    repo.task("good", "sleep 0.3; echo good > good.txt")
    repo.commit()
    return repo


def unsaved(repo: Repo) -> Callable[[], None]:
    """A ref of the person's stands where the salvage has to go."""
    repo.git("update-ref", "refs/swarm/salvage/bad", "HEAD")
    return lambda: None


def uncaptured(repo: Repo) -> Callable[[], None]:
    """What is captured cannot be pinned in the engine."""
    repo.world(lead=True).close()
    place = repo.root / ".git/swarmgit/engine.git/refs/swarm/captured/bad"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(repo.git("rev-parse", "HEAD") + "\n")
    return lambda: place.unlink(missing_ok=True) if place.is_file() else None


FAULTS = [unsaved, uncaptured]
SLOW = pytest.mark.slow


@SLOW
@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_that_keeps_failing_needs_a_person_for_its_task_alone(
    repo: Repo, fault: Callable[[Repo], Callable[[], None]]
) -> None:
    # given a task of which a step fails whenever it is tried
    stuck(repo)
    fault(repo)

    # when it is reconciled
    result = repo.reconcile(timeout_s=100)

    # then it ends by itself and says what failed for whom; the other task has landed
    assert result.code == 1
    assert "task bad" in result.reason
    assert repo.landed() == ["good"]
    status = repo.status("bad")
    assert status.phase == "needs-human"
    assert f"failed {SAME_MAX} times in a row" in status.reason
    assert "swarmgit task restart bad" in status.reason

    # and the count is in state, and there is one incident that says what answers it
    assert f"count: {SAME_MAX}" in repo.git("show", "swarm/state:failures/bad.yaml")
    (incident,) = [
        text
        for name in repo.git("ls-tree", "--name-only", "swarm/state:incidents").splitlines()
        if "a step fails again" in (text := repo.git("show", f"swarm/state:incidents/{name}"))
    ]
    assert "swarmgit task restart bad" in incident


def restart(repo: Repo) -> None:
    world = repo.world()
    control.restart(world, "bad", by="Pat")
    world.close()


def cancel(repo: Repo) -> None:
    world = repo.world()
    control.cancel(world, "bad", by="Pat")
    world.close()


@SLOW
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("command", "end"), [(restart, "landed"), (cancel, "cancelled")])
def test_a_person_goes_on_without_work_that_cannot_be_saved_and_it_is_not_lost(
    repo: Repo, fault: Callable[[Repo], Callable[[], None]], command: Callable[[Repo], None], end: str
) -> None:
    # given a task that is stuck with work that cannot be saved
    stuck(repo)
    free = fault(repo)
    assert repo.reconcile(timeout_s=60).code == 1

    # when a person goes on without it, though nothing is repaired before the next attempt
    command(repo)

    def on_tick(report: TickReport) -> None:
        if any(session.spec.attempt == 2 for session in report.look.observed.sessions.values()):
            free()

    repo.reconcile(timeout_s=40, on_tick=on_tick)

    # then the task goes on
    assert repo.phases()["bad"] == end
    assert "failures/bad.yaml" not in repo.git("ls-tree", "-r", "--name-only", "swarm/state")

    # and what was made is still there: saved, in its worktree, or in the engine as it was captured
    repo.reconcile()
    session = repo.status("bad").attempts[0].session
    salvaged = repo.git("for-each-ref", "--format=%(refname)", "refs/swarm/salvage").splitlines()
    engine = repo.root / ".git/swarmgit/engine.git"
    captured = repo.git("--git-dir", str(engine), "for-each-ref", "--format=%(refname)", "refs/swarm/captured")
    places = [f"{ref}:bad.txt" for ref in salvaged if session in ref]
    kept = [repo.git("show", place) for place in places]
    kept += [
        repo.git("--git-dir", str(engine), "show", f"{ref}:bad.txt") for ref in captured.splitlines() if session in ref
    ]
    assert "try 1" in kept


@SLOW
def test_a_bug_in_a_courtesy_keeps_nobody(repo: Repo) -> None:
    # given a step without which the task can do that always raises
    repo.start()
    repo.task("a")
    repo.commit()

    def fault(name: str) -> None:
        if name in {"Unpin", "Retire"}:
            raise ValueError("unforeseen")

    result = repo.reconcile(fault=fault, timeout_s=90)

    # then the task lands, and the end says what fails
    assert repo.phases() == {"a": "landed"}
    assert result.code == 1
    assert "unforeseen" in result.reason
    assert repo.reconcile().code == 0


@SLOW
@pytest.mark.parametrize("step", ["StartSession", "RunGate", "Land", "TryMerges"])
def test_a_step_that_always_raises_ends_settled_with_what_failed_and_heals(repo: Repo, step: str) -> None:
    repo.start()
    repo.task("a")
    repo.commit()

    def fault(name: str) -> None:
        if name == step:
            raise ValueError("unforeseen")

    result = repo.reconcile(fault=fault, timeout_s=90)

    assert result.code == 1
    assert "unforeseen" in result.reason
    assert repo.landed() == []

    # and the next reconcile tries it once more, and goes on
    assert repo.reconcile().code == 0
    assert repo.landed() == ["a"]


def slots(repo: Repo) -> list[Path]:
    world = repo.world()
    found = list(world.worktrees.leases().values())
    world.close()
    return found


@pytest.mark.slow
def test_a_worktree_that_somebody_deleted_is_a_lost_attempt_and_nothing_more(repo: Repo) -> None:
    # given a session whose worktree is removed while it works
    repo.start()
    repo.task("bad", f'if [ "$SWARM_ATTEMPT" = 1 ]; then touch "{repo.agents}/ready"; sleep 2; fi; echo ok > bad.txt')
    repo.commit()

    def on_tick(_: object) -> None:
        if (repo.agents / "ready").exists():
            (repo.agents / "ready").unlink()
            for tree in slots(repo):
                shutil.rmtree(tree)

    repo.reconcile(timeout_s=60, on_tick=on_tick)
    restart(repo) if repo.phases()["bad"] != "landed" else None
    assert repo.reconcile(timeout_s=60).code == 0
    assert repo.phases() == {"bad": "landed"}
