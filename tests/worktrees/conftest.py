"""The fixtures of the worktree tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from worktree_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.commit(
        {
            "README.md": "read\n",
            "src/a.py": "a = 1\n",
            "src/b.py": "b = 1\n",
            "src/deep/c.py": "c = 1\n",
            ".gitignore": "*.log\nbuild/\n.venv/\n",
            ".swarm/tasks/t.yaml": "version: 1\n",
        }
    )
    return world
