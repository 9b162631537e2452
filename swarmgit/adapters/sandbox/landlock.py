"""The reduced sandbox on Linux, for machines and containers without user namespaces: Landlock and seccomp.

It bounds files, TCP, sockets of other programs, signals and debugging as the full one does. It does not hide names of
files, the process table, or the person's shared memory by a view of its own, and it has no way to let single hosts
through: a list of hosts means no network here.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from swarmgit.adapters.sandbox import seccomp
from swarmgit.adapters.sandbox.box import ARGS_FILE, FILTER_FILE, Box, Strength, Walls
from swarmgit.adapters.sandbox.limits import limited, own_python

_START = Path(__file__).with_name("landlock_start.py")
_CREATE_RULESET, _VERSION = 444, 1


def abi() -> int:
    """Return the version of Landlock that this kernel offers, 0 for none."""
    if sys.platform != "linux":
        return 0
    version = ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(0, int(version))


@dataclass(frozen=True, slots=True)
class Landlock:
    """`version`: of Landlock; TCP from 4, sockets and signals of others from 6."""

    version: int
    name: str = "landlock"
    strength: Strength = "reduced"

    def walls(self, box: Box, folder: Path) -> Walls:
        """Return the words that start a small Python that confines itself and becomes the program."""
        is_open = box.network.is_open
        allowed = {
            "abi": self.version,
            "read": [*map(os.fspath, box.read), "/proc", *(("/run/systemd/resolve",) if is_open else ())],
            "write": [*map(os.fspath, box.write)],
            "network": is_open,
            "processes": box.limits.processes,
        }
        files = {
            ARGS_FILE: json.dumps(allowed).encode(),
            FILTER_FILE: seccomp.program(sockets=is_open) if seccomp.is_known_machine() else b"",
        }
        return Walls((*limited(folder, box.limits, is_counted=box.is_counted), *own_python(_START)), files)
