"""P8: a failure of one task's step is that task's failure: told, with its traceback, and every other task goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swarmgit.app.run import TickReport
from swarmgit.model.outcomes import Failed
from tests.conftest import Repo


def ready(repo: Repo, *names: str, **fields: Any) -> Repo:
    repo.start()
    for name in names:
        repo.task(name, **fields)
    repo.commit()
    return repo


class Saboteur:
    """A fault that raises an error of any kind in the steps of one name, so often, and notes the failures told."""

    def __init__(self, step: str, error: Exception, times: int = 1) -> None:
        self.step, self.error, self.left = step, error, times
        self.failed: list[Failed] = []
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            if name == self.step and self.left > 0:
                self.left -= 1
                raise self.error

    def on_tick(self, report: TickReport) -> None:
        self.failed += [outcome for outcome in report.outcomes if isinstance(outcome, Failed)]


@pytest.mark.default_cases("OSError*-Retire", "OSError*-capture", "OSError*-RunGate", "OSError*-Land")
@pytest.mark.parametrize(
    "step",
    ["StartSession", "FinishSession", "capture", "RunGate", "TryMerges", "merge", "Land", "Retire", "Unpin", "Archive"],
)
@pytest.mark.parametrize(
    "error", [ValueError("unforeseen"), MemoryError("too large"), OSError(5, "bad disk")], ids=repr
)
def test_whatever_one_step_raises_once_everything_lands_all_the_same(repo: Repo, step: str, error: Exception) -> None:
    # given tasks, and a bug that raises in the first step of a kind
    ready(repo, "a", "b")
    bug = Saboteur(step, error)

    # when it is reconciled
    result = repo.reconcile(fault=bug, on_tick=bug.on_tick)

    # then it was a failure of that step with its words, and all tasks have landed
    assert result.code == 0
    assert repo.phases() == {"a": "landed", "b": "landed"}
    assert len(bug.failed) == (step != "Archive")
    for each in bug.failed:
        assert each.step is not None
        assert each.step.owner or step == "TryMerges"
        assert str(error) in each.message


def test_a_bug_in_a_step_keeps_its_traceback_once_and_says_where(repo: Repo) -> None:
    ready(repo, "a", "b")
    bug = Saboteur("FinishSession", KeyError("unforeseen"), times=3)

    repo.reconcile(fault=bug, on_tick=bug.on_tick)

    # one traceback for three failures of the same kind, named in each message
    (trace,) = (repo.root / ".swarm/run/failures").glob("trace-*.txt")
    assert "KeyError: 'unforeseen'" in trace.read_text()
    assert [each.trace for each in bug.failed] == [f".swarm/run/failures/{trace.name}"] * 3
    assert all(trace.name in each.message for each in bug.failed)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(7)], ids=repr)
def test_what_is_the_whole_processs_still_ends_it(repo: Repo, error: BaseException) -> None:
    ready(repo, "a")

    def fault(name: str) -> None:
        if name == "FinishSession":
            raise error

    with pytest.raises(type(error)):
        repo.reconcile(fault=fault)
    assert repo.reconcile().code == 0


def hand_made_ref(repo: Repo, task: str) -> Callable[[], None]:
    """Put a ref of the person's where the salvage of a task has to go; return what removes it."""
    repo.git("update-ref", f"refs/swarm/salvage/{task}", "HEAD")
    return lambda: repo.git("update-ref", "-d", f"refs/swarm/salvage/{task}") and None


def packed_ref(repo: Repo, task: str) -> Callable[[], None]:
    """The same ref, where no file shows it."""
    free = hand_made_ref(repo, task)
    repo.git("pack-refs", "--all")
    return free


@pytest.mark.slow
@pytest.mark.parametrize("occupy", [hand_made_ref, packed_ref])
def test_work_that_cannot_be_saved_holds_its_own_task_and_nobody_else(
    repo: Repo, occupy: Callable[[Repo, str], Callable[[], None]]
) -> None:
    # given a task whose refused work cannot be saved, and others, one of which starts late
    repo.start()
    free = occupy(repo, "bad")
    repo.task("bad", "echo precious > bad.txt; echo no > README.md", budget={"attempts": 2})
    repo.task("good", "sleep 0.5; echo good > good.txt")
    repo.task("after", depends_on=["good"])
    repo.commit()

    # when it is reconciled
    result = repo.reconcile(timeout_s=10)

    # then the others have landed, nothing says that the work was saved, its worktree is there, nobody started over it
    assert result.code == 1
    assert "salvage" in result.reason
    assert repo.landed() == ["good", "after"]
    assert [(a.outcome, a.salvage) for a in repo.status("bad").attempts] == [("running", None)]
    world = repo.world()
    (tree,) = world.worktrees.leases().values()
    assert len([s for s in world.executor.poll().values() if s.spec.task == "bad"]) == 1
    world.close()
    assert (tree / "bad.txt").read_text() == "precious\n"

    # and once it can be saved it is, and the task goes on
    free()
    repo.reconcile()
    attempts = repo.status("bad").attempts
    assert [attempt.outcome for attempt in attempts] == ["rejected", "rejected"]
    assert repo.git("show", f"{attempts[0].salvage}:bad.txt") == "precious"


@pytest.mark.slow
def test_an_entry_that_cannot_be_merged_does_not_keep_the_others_from_landing(repo: Repo) -> None:
    # given three entries side by side, the candidate of one of which cannot be pinned: a lock of a killed git
    ready(repo, "a", "b", "c")
    locked: list[Path] = []

    def on_tick(report: TickReport) -> None:
        for entry in report.look.plan.views.values():
            if entry.task == "b" and entry.entry and not locked:
                lock = repo.root / ".git/swarmgit/engine.git/refs/swarm/candidate" / f"{entry.entry}.lock"
                lock.parent.mkdir(parents=True, exist_ok=True)
                lock.touch()
                locked.append(lock)

    result = repo.reconcile(timeout_s=8, on_tick=on_tick)

    assert {"a", "c"} <= set(repo.landed())
    assert result.code == 1 or "b" in repo.landed()

    # and when the lock is gone it lands too
    locked[0].unlink(missing_ok=True)
    assert repo.reconcile().code == 0
    assert set(repo.landed()) == {"a", "b", "c"}
