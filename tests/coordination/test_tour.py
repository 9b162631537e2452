"""The tour of the state branch can be made again at any time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_tour_is_made_from_a_real_run_and_tells_the_whole_story(tmp_path: Path) -> None:
    out = tmp_path / "tour.md"
    done = subprocess.run(
        [sys.executable, "docs/make_tour.py", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    for part in (
        "mail builder-02 → builder-01",
        "greet: attempt 1 went back (gate)",
        "a session was prompt-blocked and was stopped",
        "polish: waiting (starting with builder-04)",
        "+state: closed",
        "+landed_commit: ",
        "Land 3 tasks",
    ):
        assert part in text, part
    assert "/tmp" not in text
    assert "swarmgit-tour-" not in text


def test_the_tour_in_the_documents_is_one_that_was_made() -> None:
    text = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    assert "Made by `python docs/make_tour.py`" in text
    assert "## What came of it" in text
    assert "/tmp" not in text
