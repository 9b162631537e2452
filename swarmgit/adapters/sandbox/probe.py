"""Which sandbox this machine has. Found out by trying, once a boot, and remembered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from swarmgit.adapters.processes import identity
from swarmgit.adapters.sandbox import groups
from swarmgit.adapters.sandbox.box import Sandbox
from swarmgit.adapters.sandbox.bubblewrap import SCOPE, Bubblewrap
from swarmgit.adapters.sandbox.landlock import Landlock, abi
from swarmgit.adapters.sandbox.limits import own_python
from swarmgit.adapters.sandbox.scope import VERSION_MIN
from swarmgit.adapters.sandbox.seatbelt import Seatbelt
from swarmgit.ports.store import LiveCache

CACHE_NAME = "sandbox-2"
_TRY_S_MAX = 10.0
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class Found(Struct, frozen=True):
    """What was found. `kind` '': nothing. `why`: what stands in the way of a better one.

    `groups`: the limits on whole sessions that can be set, as `groups.usable` says them.
    """

    kind: str
    program: str = ""
    can_forbid_nesting: bool = False
    landlock: int = 0
    why: str = ""
    groups: tuple[str, ...] = ()

    @property
    def sandbox(self) -> Sandbox | None:
        """Return the sandbox itself, None where there is none."""
        if self.kind == "bubblewrap":
            has_scopes = self.landlock >= VERSION_MIN
            return Bubblewrap(self.program, self.can_forbid_nesting, os.geteuid() == 0, has_scopes)
        if self.kind == "landlock":
            return Landlock(self.landlock)
        return Seatbelt(self.program) if self.kind == "sandbox-exec" else None


def best(cache: LiveCache, kinds: Sequence[str]) -> Found:
    """Return the best sandbox of these kinds, tried at most once a boot for each user, where there is one."""
    key = f"{identity.boot_id()} {os.geteuid()} {' '.join(kinds)} {_bwrap()}"
    try:
        known, found = msgspec.json.decode(cache.read(CACHE_NAME) or b"", type=tuple[str, Found])
        if known == key:
            return found
    except msgspec.MsgspecError:
        pass
    found = search(kinds)
    if not found.kind:  # perhaps only now: no process, no room
        return found
    cache.write(CACHE_NAME, msgspec.json.encode((key, found)))
    return found


def search(kinds: Sequence[str] | None = None) -> Found:
    """Try the kinds in order, None for all; `why` tells of those that were tried in vain."""
    failed: list[str] = []
    for kind in _TRIES if kinds is None else kinds:
        found = _TRIES[kind]()
        if found.kind:
            return replace(found, why="; ".join(failed), groups=groups.usable())
        if found.why:
            failed.append(found.why)
    return Found("", why="; ".join(failed))


def _bwrap() -> str | None:
    return shutil.which("bwrap", path=_PATH)


def _try_bubblewrap() -> Found:
    """Try it with the namespaces that sessions get."""
    if sys.platform != "linux":
        return Found("")
    program = _bwrap()
    if program is None:
        return Found("", why="bubblewrap is not installed")
    words = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-net", "--cap-drop", "ALL"]
    words += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run", "--die-with-parent"]
    words += ["--remount-ro", "/proc", "--remount-ro", "/dev"]
    for extra in (["--disable-userns"], []):
        error = _error_of([program, *words, *extra, "/bin/sh", "-c", ":"])
        if not error:
            inside = [*own_python(SCOPE), program, *words, *extra, "/bin/sh", "-c", ":"]
            version = 0 if abi() < VERSION_MIN or _error_of(inside) else abi()
            return Found("bubblewrap", program, can_forbid_nesting=bool(extra), landlock=version)
    return Found("", why=f"bubblewrap does not work here ({error})")


def _try_landlock() -> Found:
    version = abi()
    if sys.platform != "linux":
        return Found("")
    return Found("landlock", landlock=version) if version else Found("", why="this kernel has no Landlock")


def _try_sandbox_exec() -> Found:
    program = shutil.which("sandbox-exec", path=_PATH) if sys.platform == "darwin" else None
    return Found("sandbox-exec", program) if program else Found("")


def _error_of(argv: Sequence[str]) -> str:
    """Return what went wrong with a command, '' when nothing did."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_TRY_S_MAX, check=False, env={"PATH": _PATH}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1] if done.returncode else ""


_TRIES: Mapping[str, Callable[[], Found]] = {
    "bubblewrap": _try_bubblewrap,
    "landlock": _try_landlock,
    "sandbox-exec": _try_sandbox_exec,
}
