"""Installed programs that merge by syntax: one more voice of conflict tier 2, never the only one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmgit.resolve.answer import Merger

TIMEOUT_S = 10.0
SIZE_MAX = 4 << 20


def merge_programs(path: str | None) -> tuple[tuple[str, Merger], ...]:
    """Return the merge programs found on a search path, by name: mergiraf, where it is installed."""
    program = shutil.which("mergiraf", path=path) if path else None
    if program is None:
        return ()
    return (("mergiraf", lambda *sides: mergiraf(program, *sides)),)


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
