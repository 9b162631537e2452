"""The benchmark scripts stay alive; what they measure is never a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_quickest_measurement_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    argv = [sys.executable, "-m", "benchmarks.run", "--only", "commits", "--quick", "--json", str(out)]
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["what", "unit", "median", "min", "max", "budget", "note"]
    figures = json.loads(out.read_text())["figures"]
    assert [(f["what"], f["budget"]) for f in figures] == [("state commit, CPU, 100 files of state", 3.0)]
    assert list(scratch.iterdir()) == []
