"""The fixture of the tests that read a hand-made history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from paper import Paper


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    top = tmp_path / "repo"
    top.mkdir()
    made = Paper(top)
    made.git("init", "-q", "-b", "main")
    made.commit({"README.md": "hello\n", ".swarm/swarm.yaml": "version: 1\ntarget: main\n", ".gitignore": ""}, "start")
    yield made
    for close in made.closers:
        close()
