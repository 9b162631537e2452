"""Limits that hold for each process of a session, set by a few lines of shell before anything else."""

from __future__ import annotations

from pathlib import Path

from swarmgit.model.policy import Limits

_SCRIPT = Path(__file__).with_name("box.sh")
_BLOCK_BYTES = 512


def limited(folder: Path, limits: Limits) -> tuple[str, ...]:
    """Return the words that limit what follows them; `folder` is the session's."""
    return (
        "/bin/sh",
        str(_SCRIPT),
        str(folder),
        str(int(limits.memory_gb * (1 << 20))),
        str(int(limits.cpu_minutes * 60)),
        str(int(limits.file_gb * (1 << 30)) // _BLOCK_BYTES),
        str(limits.open_files),
        str(int(limits.disk_gb * (1 << 20))),
    )
