"""A command that only reads opens what it reads."""

from __future__ import annotations

import os

from swarmgit.app.look import look
from swarmgit.wiring import open_reading
from tests.conftest import Repo


def test_a_look_makes_only_the_parts_that_it_reads(repo: Repo) -> None:
    repo.start()
    repo.task("one")
    repo.commit()
    world = open_reading(repo.root, os.environ)
    try:
        assert "one" in look(world).desired.tasks
        made = set(vars(world))
    finally:
        world.close()
    assert made.isdisjoint({"worktrees", "transcripts"})
    assert not hasattr(world, "lock")
    assert not (repo.root / ".git/swarmgit").exists()
