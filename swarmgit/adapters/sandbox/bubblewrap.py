"""The full sandbox on Linux: namespaces by bubblewrap, a file system of named paths, a filter of system calls.

The wrapper's shell is bubblewrap's parent. When it dies, everything inside dies (`--die-with-parent`), and when the
program ends, so does its process namespace with all that it left behind; the reconciler may come and go meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.sandbox import seccomp
from swarmgit.adapters.sandbox.box import ARGS_FILE, FILTER_FILE, Box, Network, Strength, Walls
from swarmgit.adapters.sandbox.limits import limited, own_python

PROXY_PORT = 3128
ORDINARY_USER = 1000
SCRATCH = ("/tmp", "/run", "/var/tmp", "/dev/shm")  # noqa: S108 - folders of the sandbox, not of the machine
SCRATCH_BYTES_MIN = 16 << 20
_OF_THE_MACHINE = (
    "acpi",
    "asound",
    "config.gz",
    "interrupts",
    "iomem",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "modules",
    "pagetypeinfo",
    "sched_debug",
    "schedstat",
    "scsi",
    "slabinfo",
    "sysrq-trigger",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
)
"""What /proc tells about the whole machine, much of it to root alone, and root inside is root to the kernel."""
_PROXY = Path(__file__).with_name("proxy.py")
SCOPE = Path(__file__).with_name("scope.py")
_INSIDE = (
    'if (ulimit -u "$1") 2>/dev/null; then ulimit -u "$1"; else ulimit -p "$1"; fi 2>/dev/null; '
    '[ -z "$2" ] || exec >"$2"; [ -z "$3" ] || exec 2>"$3"; shift 3; "$@"; exit $?'
)
"""The first process inside, a shell. It limits processes, which outside would count all of the person's; it collects
what its children leave; and bubblewrap returns when it and everything inside is gone. The program is not the first
process itself: that one would not end when it is asked to. It opens the pipes of the output again, because those that
were opened outside lead to where their modes can be changed.
"""


class Bubblewrap(Struct, frozen=True):
    """`program`: where bubblewrap is. `can_forbid_nesting`: it knows `--disable-userns` (0.8 and newer). `has_scopes`:
    Landlock can keep it from abstract sockets outside.
    """

    program: str
    can_forbid_nesting: bool = True
    is_root: bool = False
    has_scopes: bool = False
    name: str = "bubblewrap"
    strength: Strength = "full"

    def walls(self, box: Box, folder: Path) -> Walls:
        """Return the words that build the namespaces, and their arguments as a file."""
        words = [*self._namespaces(box.network), *_files(box), "--chdir", str(box.cwd)]
        has_filter = seccomp.is_known_machine()
        if has_filter:
            words += ["--seccomp", "8"]
        files = {
            ARGS_FILE: b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words),
            FILTER_FILE: seccomp.program() if has_filter else b"",
        }
        inside = ("/bin/sh", "-c", _INSIDE, "box", str(box.limits.processes))
        before = (
            *limited(folder, box.limits, is_counted=box.is_counted),
            *_proxied(box.network),
            *self._scoped(box.network),
        )
        return Walls((*before, self.program, "--args", "9", "--", *inside), files, opens_pipes=True)

    def _scoped(self, network: Network) -> tuple[str, ...]:
        """Return what keeps the machine's abstract sockets out, which belong to the network that the session has."""
        return own_python(SCOPE) if network.is_open and self.has_scopes else ()

    def _namespaces(self, network: Network) -> Iterator[str]:
        yield from ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try")
        if not network.is_open and not network.hosts:
            yield "--unshare-net"
        if self.can_forbid_nesting:
            yield "--disable-userns"
        if self.is_root:
            # as seen inside only: programs that refuse to work as root work, and files belong to whoever looks
            yield from ("--uid", str(ORDINARY_USER), "--gid", str(ORDINARY_USER))
        yield from ("--as-pid-1", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "swarm")


def _proxied(network: Network) -> tuple[str, ...]:
    if network.is_open or not network.hosts:
        return ()
    return (*own_python(_PROXY), str(PROXY_PORT), *network.hosts, "--")


def _files(box: Box) -> Iterator[str]:
    """Yield mounts from the root down: what lies deeper comes later and so lies on top."""
    yield from ("--proc", "/proc", "--dev", "/dev")
    for name in _OF_THE_MACHINE:
        path = f"/proc/{name}"
        if os.path.isdir(path):  # noqa: PTH112 - text, many times a start
            yield from ("--tmpfs", path, "--remount-ro", path)
        elif os.path.exists(path):  # noqa: PTH110
            yield from ("--ro-bind", "/dev/null", path)
    # root inside is still root to the kernel where a file's mode is all that guards it: the settings in /proc/sys
    yield from ("--remount-ro", "/proc")
    size = max(SCRATCH_BYTES_MIN, int(box.limits.memory_gb * (1 << 30)) // len(SCRATCH))
    for folder in SCRATCH:
        yield from ("--size", str(size), "--tmpfs", folder)
    yield from ("--remount-ro", "/dev")
    mounts: dict[str, tuple[str, ...]] = {str(path): ("--ro-bind", str(path), str(path)) for path in box.read}
    mounts |= {str(path): ("--tmpfs", str(path), "--remount-ro", str(path)) for path in box.hidden}
    mounts |= {str(path): ("--bind", str(path), str(path)) for path in box.write}
    mounts |= {str(path): ("--ro-bind", str(path), str(path)) for path in box.pipes}
    mounts |= {path: ("--symlink", target, path) for path, target in box.links}
    for _, words in sorted(mounts.items(), key=lambda item: item[0].split("/")):
        yield from words
    yield from ("--remount-ro", "/")
