"""The one reconciler, held by an open file: the kernel gives it back when the last holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from swarmgit.adapters.clock import SystemClock
from swarmgit.adapters.processes import identity
from swarmgit.errors import PersonMustAct, TryLater
from swarmgit.ports.machine import Clock

_ORPHAN_WAIT_S_MAX = 2.0


class ReconcilerLock:
    """Lock with flock(2). The file says who holds it; it is never deleted, because others may wait on it.

    Children that get `fd` (subprocess's pass_fds) hold the lock with us: a killed reconciler's last ref update is
    over before the next reconciler begins.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """Return the open file that holds the lock; only while it is held."""
        if self._fd is None:
            raise ValueError("the lock is not held")
        return self._fd

    def acquire(self) -> None:
        """Take it. PersonMustAct names a living holder; TryLater: only a child of a killed one still holds it."""
        if self._fd is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(fd)
            self._sign(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Give it back; nothing when it is not held. A child that shares it keeps it until its own end."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def _wait(self, fd: int) -> None:
        """Lock the file at once, or within two seconds where its holder is dead and only a child is left."""
        deadline = time.monotonic() + _ORPHAN_WAIT_S_MAX
        while not _locked(fd):
            holder = _holder(fd)
            if not _is_dead(holder):
                raise PersonMustAct(
                    f"another reconcile{_who(holder)} works on this repository; it holds {self._shown()}",
                    hint="swarmgit status shows what it is doing; stop it with Ctrl-C where it runs",
                )
            if time.monotonic() > deadline:
                raise TryLater(
                    f"a git command of a killed reconcile{_who(holder)} still works on this repository; "
                    f"it holds {self._shown()}"
                )
            time.sleep(0.02)

    def _sign(self, fd: int) -> None:
        words = {
            "version": 1,
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "start": identity.start_of(os.getpid()),
            "boot": identity.boot_id(),
            "since": self._clock.now().isoformat(),
        }
        os.ftruncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(words) + b"\n", 0)

    def _shown(self) -> str:
        return "/".join(self._path.parts[-3:])


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True


def _holder(fd: int) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(os.pread(fd, 4096, 0))
    except msgspec.MsgspecError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_dead(holder: dict[str, Any]) -> bool:
    """Return whether the holder that signed was a process of this machine and has gone."""
    pid, start, boot = (holder.get(key) for key in ("pid", "start", "boot"))
    if not (isinstance(pid, int) and isinstance(start, str) and isinstance(boot, str)):
        return False
    return holder.get("host") == os.uname().nodename and not identity.is_alive(identity.Identity(pid, start, boot))


def _who(holder: dict[str, Any]) -> str:
    if not isinstance(holder.get("pid"), int):
        return ""
    words = f"pid {holder['pid']}"
    with suppress(ValueError):
        words += f", since {datetime.fromisoformat(str(holder.get('since'))).astimezone():%H:%M}"
    if holder.get("host") != os.uname().nodename:
        words += f", on {holder.get('host')}"
    return f" ({words})"
