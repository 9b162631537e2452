"""A start that the machine does not let happen uses up nothing: it waits, is told, and begins once the cause is gone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from swarmgit.app.run import TickReport
from swarmgit.errors import TryLater
from swarmgit.model.actions import RunGate, StartSession
from swarmgit.model.outcomes import Failed
from swarmgit.plan.failures import MACHINE
from tests.conftest import Repo

FULL = OSError(errno.ENOSPC, "No space left on device")
NO_FORK = TryLater("session x could not start: Resource temporarily unavailable")


class Trouble:
    """Raises in a step so often, counted over all sessions, and notes which actions failed and what was said of it."""

    def __init__(self, step: str, error: Exception, times: range) -> None:
        self.step, self.error, self.times, self.seen = step, error, times, 0
        self.failed: list[type] = []
        self.said: list[str] = []

    def __call__(self, step: str) -> None:
        if step == self.step:
            self.seen += 1
            if self.seen - 1 in self.times:
                raise self.error

    def on_tick(self, report: TickReport) -> None:
        self.failed += [type(each.action) for each in report.outcomes if isinstance(each, Failed)]
        self.said += [view.reason for view in report.look.plan.views.values() if MACHINE in view.waiting_for]


@pytest.mark.parametrize(
    ("step", "error", "times", "action"),
    [
        ("worktree:claimed", FULL, range(2), StartSession),
        pytest.param("executor.make", FULL, range(2), StartSession, marks=pytest.mark.slow),
        pytest.param("executor.spawn", NO_FORK, range(2), StartSession, marks=pytest.mark.slow),
        ("executor.spawn", NO_FORK, range(1, 3), RunGate),
    ],
)
def test_what_passes_costs_no_attempt(repo: Repo, step: str, error: Exception, times: range, action: type) -> None:
    repo.start()
    repo.task("it", budget={"attempts": 1})
    repo.commit()
    trouble = Trouble(step, error, times)

    result = repo.reconcile(fault=trouble, on_tick=trouble.on_tick)

    assert result.code == 0, result.reason
    assert [attempt.outcome for attempt in repo.status("it").attempts] == ["landed"]
    assert set(trouble.failed) == {action}
    assert any("failed 2 times in a row" in said and "by itself" in said for said in trouble.said)
    world = repo.world()
    assert (world.executor.poll(), world.worktrees.leases()) == ({}, {})
    world.close()


@pytest.mark.slow
def test_a_program_that_is_missing_needs_a_person_and_then_nothing_but_itself(repo: Repo, tmp_path: Path) -> None:
    program = tmp_path / "agents" / "late"
    repo.swarm["runtimes"]["script"]["run"] = [str(program)]
    repo.start()
    repo.task("it", budget={"attempts": 1})
    repo.commit()

    result = repo.reconcile()

    status = repo.status("it")
    assert (result.code, status.phase, status.attempts) == (1, "needs-human", ())
    assert f"there is no program {program}" in status.reason
    assert "swarmgit runtime check script" in status.reason
    program.write_text("#!/bin/sh\necho it > it.txt\n")
    program.chmod(0o755)
    assert repo.reconcile().code == 0
    assert [attempt.outcome for attempt in repo.status("it").attempts] == ["landed"]


@pytest.mark.slow
def test_a_start_that_fails_leaves_its_place_to_others(repo: Repo) -> None:
    repo.swarm["agents_max"] = 1
    repo.swarm["runtimes"]["gone"] = {"adapter": "command", "run": [str(repo.agents / "gone")]}
    repo.start()
    repo.task("a", runtime="gone", priority="high")
    repo.task("b")
    repo.commit()

    result = repo.reconcile()

    assert result.code == 1
    assert repo.phases() == {"a": "needs-human", "b": "landed"}
    assert os.path.lexists(repo.root / "b.txt")
