"""The benchmark scripts stay alive; what they measure is never a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scene import scene

ROOT = Path(__file__).parents[2]


def test_the_agents_of_a_measurement_run_and_land_in_the_sandbox() -> None:
    with scene(5) as here:
        here.task("one")
        here.commit()

        here.reconcile("-q", "--timeout", "60")

        assert list(here.start_times(1)) == ["one"]
        assert here.landed() == 1


@pytest.mark.slow
def test_a_measurement_whose_agents_do_not_run_is_an_error() -> None:
    with scene(5) as here:
        here.swarm["runtimes"]["script"]["run"] = ["/bin/sh", str(here.root / "nothing.sh")]
        here.configure()
        here.task("one", budget={"attempts": 1})
        here.commit()

        with pytest.raises(RuntimeError, match="one: "):
            here.reconcile("-q", "--timeout", "60")
        with pytest.raises(RuntimeError, match="only 0 of 1 agents ran"):
            here.start_times(1, timeout_s=0.1)


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
