"""Each attack runs against every kind of sandbox that this machine has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmgit.model.endings import Stop
from tests.attacks.stage import FULL, REDUCED, Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/attacks" in str(item.path):
            item.add_marker(pytest.mark.attack)
            if not {"reduced", "off"}.isdisjoint(item.name.partition("[")[2].rstrip("]").split("-")):
                item.add_marker(pytest.mark.slow)  # the usual case is tried every time, the others by .ci/run


@pytest.fixture(params=["sandboxed", "reduced"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    if not {"sandboxed": FULL, "reduced": REDUCED}[request.param]:
        pytest.skip(f"this machine has nothing for {request.param}")
    yield from _played(Stage(tmp_path, request.param))


@pytest.fixture(params=["sandboxed", "reduced", "off"])
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Every sandbox and none: for what no wall has to stop."""
    if not {"sandboxed": FULL, "reduced": REDUCED, "off": True}[request.param]:
        pytest.skip(f"this machine has nothing for {request.param}")
    yield from _played(Stage(tmp_path, request.param))


@pytest.fixture
def boxed(tmp_path: Path) -> Iterator[Stage]:
    """The full sandbox alone, for what the reduced one does not promise."""
    if not FULL:
        pytest.skip("this machine has no bubblewrap that works")
    yield from _played(Stage(tmp_path, "sandboxed"))


@pytest.fixture
def judged(everywhere: Stage) -> Stage:
    """What the gates and the host's git must withstand alone: in every sandbox, and without any."""
    return everywhere


def _played(stage: Stage) -> Iterator[Stage]:
    yield stage
    if (stage.root / ".git" / "swarmgit" / "active").is_dir():
        world = stage.world()
        for session in world.executor.poll():
            world.executor.cancel(session, Stop("the test is over"), 0.0)
        world.close()
