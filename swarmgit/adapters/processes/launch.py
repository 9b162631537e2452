"""Starts wrappers and collects those that have ended while this process lives."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from swarmgit.adapters.processes import channel
from swarmgit.errors import PersonMustAct, TryLater

_WRAPPER = Path(__file__).with_name("wrapper.sh")
_UNCLAIMED = 75
"""The wrapper's exit code when it could not write the `pid` file."""


class Launcher:
    """Children are kept by pid: a session is not tied to the life of a Python object."""

    def __init__(self) -> None:
        self._children: dict[str, int] = {}
        self._unclaimed: dict[str, int] = {}
        self._reaping = threading.Lock()

    def launch(self, session: str, arguments: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
        """Start a wrapper as leader of its own session; raise TryLater or PersonMustAct where it cannot.

        The first argument is the session's folder; the wrapper finds the ends of its pipes as descriptors 0 to 2.
        """
        if self._unclaimed.get(session, 0) >= 3:
            raise PersonMustAct(
                f"session {session} cannot write into its folder; is the disk full?", hint="swarmgit doctor"
            )
        try:
            with channel.opened(arguments[0]) as (stdout, stderr, setup):
                child = subprocess.Popen(
                    ["/bin/sh", str(_WRAPPER), *arguments],
                    cwd=cwd,
                    env=dict(env),
                    stdin=stdout,
                    stdout=stderr,
                    stderr=setup,
                    start_new_session=True,
                    close_fds=True,
                )
        except OSError as error:
            raise _explained(session, error, cwd) from error
        self._children[session] = child.pid
        child.returncode = 0  # the object may go now: `reap` collects by pid

    def reap(self) -> None:
        """Collect the children that have ended, so that none stays as a zombie. Sessions are started side by side."""
        with self._reaping:
            for session, pid in list(self._children.items()):
                self._collect(session, pid)

    def _collect(self, session: str, pid: int) -> None:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # SIGCHLD is ignored, or somebody else has collected it
            ended, status = pid, 0
        if not ended:
            return
        del self._children[session]
        if os.waitstatus_to_exitcode(status) == _UNCLAIMED:
            self._unclaimed[session] = self._unclaimed.get(session, 0) + 1

    def has(self, session: str) -> bool:
        """Return whether a child of this process for that session has not been collected yet."""
        return session in self._children


def _explained(session: str, error: OSError, cwd: str) -> PersonMustAct | TryLater:
    if error.errno in {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}:
        return TryLater(f"session {session} could not start: {error.strerror}")
    if error.errno == errno.E2BIG:
        return PersonMustAct(f"session {session} could not start: its command line and environment are too long")
    return PersonMustAct(f"session {session} could not start in {cwd}: {error.strerror}")
