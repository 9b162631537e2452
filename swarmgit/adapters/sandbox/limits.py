"""Limits that hold for each process of a session, set by a few lines of shell before anything else."""

from __future__ import annotations

import sys
from pathlib import Path

from swarmgit.model.policy import Limits

_SCRIPT = Path(__file__).with_name("box.sh")
_COUNTED = Path(__file__).with_name("counted.py")
_BLOCK_BYTES = 512
OWN = 8
"""How many processes of a session are the sandbox's own, at most."""


def limited(folder: Path, limits: Limits, *, is_counted: bool = False) -> tuple[str, ...]:
    """Return the words that limit what follows them; `folder` is the session's.

    `is_counted`: its processes are counted, because neither the kernel nor a control group bounds them.
    """
    counted = own_python(_COUNTED) if is_counted else ()
    return (
        "/bin/sh",
        str(_SCRIPT),
        str(folder),
        str(int(limits.memory_gb * (1 << 20))),
        str(int(limits.cpu_minutes * 60)),
        str(int(limits.file_gb * (1 << 30)) // _BLOCK_BYTES),
        str(limits.open_files),
        str(int(limits.disk_gb * (1 << 20))),
        *((*counted, str(limits.processes + OWN)) if counted else ()),
    )


def own_python(script: Path) -> tuple[str, ...]:
    """Return the words that run a script of ours outside, with nothing that a worktree holds."""
    return (sys.executable, "-I", "-S", "-B", str(script))
