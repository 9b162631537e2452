"""The reduced sandbox on Linux, for machines and containers without user namespaces: Landlock and seccomp.

It bounds files, TCP, sockets of other programs, signals and debugging as the full one does. What Landlock does not know
is refused by the filter of system calls, or answered by the session's parent (mode, owner and times of files). It does
not hide names of files and the process table, there are no terminals in it, and it has no way to let single hosts
through: a list of hosts means no network here.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

from msgspec import Struct

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


class Landlock(Struct, frozen=True):
    """`version`: of Landlock; the length of files from 3, TCP from 4, sockets and signals of others from 6."""

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
            "pipes": [*map(os.fspath, box.pipes)],
            "network": is_open,
            "processes": box.limits.processes,
            "asked": seccomp.asked() if seccomp.is_known_machine() else {},
        }
        rules = b""
        if seccomp.is_known_machine():
            rules = seccomp.program(is_reduced=True, is_open=is_open, guards_length=self.version >= 3)
        files = {ARGS_FILE: json.dumps(allowed).encode(), FILTER_FILE: rules}
        return Walls((*limited(folder, box.limits, is_counted=box.is_counted), *own_python(_START)), files)
