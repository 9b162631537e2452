"""macOS: a profile for `sandbox-exec`, written to its documented language. Untested: shown as "reduced"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.sandbox.box import ARGS_FILE, FILTER_FILE, Box, Strength, Walls
from swarmgit.adapters.sandbox.limits import limited

_SYSTEM = ("/System", "/Library", "/usr", "/bin", "/sbin", "/opt", "/private/etc", "/private/var/db", "/dev")


class Seatbelt(Struct, frozen=True):
    program: str = "/usr/bin/sandbox-exec"
    name: str = "sandbox-exec"
    strength: Strength = "reduced"

    def walls(self, box: Box, folder: Path) -> Walls:
        """Return `sandbox-exec` with a profile in the session's folder."""
        files = {ARGS_FILE: "\n".join(_profile(box)).encode() + b"\n", FILTER_FILE: b""}
        return Walls((*limited(folder, box.limits), self.program, "-f", str(folder / ARGS_FILE)), files)


def _profile(box: Box) -> Iterator[str]:
    yield "(version 1)"
    yield "(deny default)"
    yield "(allow process-fork process-exec sysctl-read)"
    yield "(allow signal (target same-sandbox))"
    yield '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))'
    yield "(allow file-read-metadata)"
    for path in (*_SYSTEM, *map(str, box.read)):
        yield f"(allow file-read* (subpath {_quoted(path)}))"
    for device in ("null", "zero", "random", "urandom", "tty"):
        yield f"(allow file-write-data (literal {_quoted('/dev/' + device)}))"
    for path in map(str, box.write):
        yield f"(allow file-read* file-write* (subpath {_quoted(path)}))"
    for path in map(str, box.pipes):
        yield f"(allow file-write-data (literal {_quoted(path)}))"
    if box.network.is_open:
        yield "(allow network*)"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
