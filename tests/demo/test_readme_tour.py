"""The README's tour, pasted into a shell by a new user."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.slow
def test_the_tour_of_the_readme_works_when_pasted_into_a_shell(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh tour\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "swarmgit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m swarmgit "$@"\n')
    (programs / "swarmgit").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Pat",
        "GIT_AUTHOR_EMAIL": "pat@example.org",
        "GIT_COMMITTER_NAME": "Pat",
        "GIT_COMMITTER_EMAIL": "pat@example.org",
    }

    done = subprocess.run(
        ["bash", "-e"], input="\n".join(blocks), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(blocks) >= 9
    assert "settled: 1 landed" in done.stdout
    assert "rejected, builder-01" in done.stdout
    assert "refs/swarm/salvage/greet-by-name/" in done.stdout
    assert "every promise is kept" in done.stdout
