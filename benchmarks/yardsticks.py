"""What this machine costs right now, to read the other figures by: an empty Python, an empty git, one fsync."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import timed


def measure(*, quick: bool) -> list[Figure]:
    """Return the yardsticks of this moment."""
    rounds = 5 if quick else 20
    with tempfile.TemporaryDirectory(prefix="swarmgit-bench-") as folder:
        fsyncs = tuple(_fsync_ms(Path(folder) / str(number)) for number in range(rounds))
    return [
        Figure("yardstick: empty python", "ms", tuple(_run([sys.executable, "-I", "-c", ""], rounds))),
        Figure("yardstick: git --version", "ms", tuple(_run(["git", "--version"], rounds))),
        Figure("yardstick: fsync of a small file", "ms", fsyncs, note=f"load {os.getloadavg()[0]:.1f}"),
    ]


def _run(argv: list[str], rounds: int) -> list[float]:
    return [timed(lambda: subprocess.run(argv, capture_output=True, check=True)) for _ in range(rounds)]


def _fsync_ms(path: Path) -> float:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(handle, b"x" * 200)
    try:
        return timed(lambda: os.fsync(handle))
    finally:
        os.close(handle)
