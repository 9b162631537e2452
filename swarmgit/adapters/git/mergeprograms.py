"""Installed programs that merge by syntax: one more voice of conflict tier 2, never the only one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

TIMEOUT_S = 10.0
SIZE_MAX = 4 << 20


def merge_program(path: str | None) -> str | None:
    """Return where mergiraf is on a search path, None where it is not installed."""
    return shutil.which("mergiraf", path=path) if path else None


def mergiraf(program: str, path: str, base: bytes | None, ours: bytes, theirs: bytes) -> bytes | None:
    """Return what mergiraf makes of a file; None where it leaves a conflict, fails, or takes too long.

    It runs on copies in a folder of its own, with an empty environment.
    """
    suffix = Path(path).suffix
    with tempfile.TemporaryDirectory(prefix="merge-") as made:
        names = [f"{side}{suffix}" for side in ("base", "left", "right")]
        for name, content in zip(names, (base or b"", ours, theirs), strict=True):
            Path(made, name).write_bytes(content)
        env = {"PATH": os.defpath, "HOME": made}
        try:
            done = subprocess.run(
                [program, "merge", *names], cwd=made, env=env, capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    return done.stdout if done.returncode == 0 and len(done.stdout) <= SIZE_MAX else None
