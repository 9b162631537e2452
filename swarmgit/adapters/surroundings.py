"""What a gate's answer rests on besides the tree: the machine, its system, and the programs that gates find."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

OS_RELEASE = Path("/etc/os-release")
DIGITS = 12


def surroundings(environ: Mapping[str, str], os_release: Path = OS_RELEASE) -> str:
    """Return the part of every evidence key that changes when answers given here before may not hold any more.

    That is: system and processor, the release of the system, and for each folder of PATH its name and when something
    was last installed into it. So an upgrade makes every gate run again.
    """
    machine = os.uname()
    digest = hashlib.sha256()
    try:
        digest.update(os_release.read_bytes())
    except OSError:
        digest.update(machine.release.encode())  # where there is no such file the kernel tells the release
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        try:
            changed = Path(folder or ".").stat().st_mtime_ns
        except OSError:
            continue
        digest.update(f"{folder}\0{changed}\0".encode("utf-8", "surrogateescape"))
    return f"{machine.sysname} {machine.machine} {digest.hexdigest()[:DIGITS]}"
