"""Moving refs by compare-and-swap, through one git process that lives as long as we do."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.opened import is_open
from swarmgit.adapters.git.others import drop_left_of_packing
from swarmgit.adapters.git.packedrefs import PackedRefs
from swarmgit.adapters.git.run import SWARMGIT, Git
from swarmgit.adapters.git.told import complaint
from swarmgit.errors import SwarmError, TryLater

NO_WAIT = ("-c", "core.packedRefsTimeout=100")
"""In milliseconds; git waits for a second otherwise, and a tick with it."""

PACKED_LOCK_S = 5.0
"""git holds the lock of the packed refs for as long as it writes them, which are milliseconds."""

OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class RefRefused(SwarmError):
    """git did not move the ref: it is elsewhere than expected, or locked. Nothing was changed."""


class RefChange(Struct, frozen=True):
    """`new` None deletes. `old` None: whatever it was; '' : must not exist."""

    name: str
    new: str | None
    old: str | None = None


class RefWriter:
    """`git update-ref --stdin` with hooks off. The child inherits the reconciler's lock by `git.pass_fds`.

    `reason` goes into reflogs; None writes none. `is_logged`: a reflog is written whatever the person's settings say.
    """

    def __init__(self, git: Git, reason: str | None = None, *, is_logged: bool = False) -> None:
        self._git = git
        self._args = (*NO_WAIT, "-c", "core.logAllRefUpdates=false", "update-ref", "--stdin", "-z")
        if reason is not None:
            logs = ("-c", "core.logAllRefUpdates=true") if is_logged else ()
            self._args = (*NO_WAIT, *logs, "update-ref", "-m", reason, "--stdin", "-z")
        self._packed_refs = PackedRefs(git.git_dir)
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def move(self, changes: Sequence[RefChange], id_length: int) -> None:
        """Make all the changes or none, then raise RefRefused with git's words. `id_length`: 40 or 64 digits."""
        commands = b"".join(_command(change, "0" * id_length) for change in changes)
        with self._lock:
            has_ended = self._child is not None and self._child.poll() is not None
            if self._packed_refs.have_changed() or has_ended:
                self._end()
            try:
                self._exchange(b"start\0" + commands + b"prepare\0commit\0", answers=3)
            except (BrokenPipeError, EOFError):
                words = self._end()
                names = ", ".join(change.name for change in changes)
                raise RefRefused(f"{names} not moved: {words or 'git ended without a word'}") from None
            except BaseException:
                self._end()  # interrupted between question and answer: the next move needs a fresh conversation
                raise

    def close(self) -> None:
        with self._lock:
            self._end()

    def _exchange(self, message: bytes, answers: int) -> None:
        """Say all at once: git goes on to the next word only where the one before succeeded, and else ends."""
        if self._child is None:
            self._child = self._git.start(*self._args, stderr=subprocess.PIPE, env=SWARMGIT, moves_refs=True)
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(message)
        self._child.stdin.flush()
        for _ in range(answers):
            if not self._child.stdout.readline().endswith(b": ok\n"):
                raise EOFError

    def _end(self) -> str:
        child, self._child = self._child, None
        if child is None:
            return ""
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        with contextlib.suppress(OSError):
            child.stdin.close()
        words = complaint(child.stderr.read().decode("utf-8", "replace"))
        child.stdout.close()
        child.stderr.close()
        child.wait()
        return words


def _command(change: RefChange, zero: str) -> bytes:
    name = os.fsencode(change.name)
    old = b"" if change.old is None else (change.old or zero).encode()
    if change.new is None:
        return b"delete %s\0%s\0" % (name, old)
    return b"update %s\0%s\0%s\0" % (name, change.new.encode(), old)


def move_own(refs: RefWriter, common_dir: Path, changes: Sequence[RefChange], id_length: int) -> None:
    """Move refs that only swarmgit writes (`refs/swarm/…`); all or none.

    Locks that a killed git of ours left are passed, and so are files that say nothing: git neither moves nor deletes a
    ref that it cannot read.
    """
    for attempt in range(8):
        try:
            refs.move(changes, id_length)
        except RefRefused as refused:
            for change in changes:
                drop_broken(common_dir, change.name)
            dropped = [drop_stale_lock(common_dir / f"{change.name}.lock") for change in changes]
            if any(change.new is None for change in changes):
                dropped.append(drop_left_of_packing(common_dir, partial(is_old, age_s_min=PACKED_LOCK_S)))
            if not all(dropped):
                time.sleep(0.02 * attempt)
            reason = refused
        else:
            return
    raise TryLater(reason.message, f"git for-each-ref {changes[0].name}") from reason


def may_exist(common_dir: Path, name: str) -> bool:
    """Return whether git has to be asked about a ref: False only where the files say that it is not there."""
    if (common_dir / name).exists() or (common_dir / "reftable").exists():
        return True
    try:
        return os.fsencode(name) in (common_dir / "packed-refs").read_bytes()
    except FileNotFoundError:
        return False


def stored(common_dir: Path, name: str) -> str | None:
    """Return what a ref's file or its line in packed-refs says, '' for one that says nothing; None without either.

    It is read as it stands, so that a ref that names nothing is told apart from one that is not there.
    """
    try:
        return (common_dir / name).read_text("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return _packed(common_dir, name)


def drop_broken(common_dir: Path, name: str) -> bool:
    """Remove the file of a ref of ours that names no commit, as a power cut leaves it; return whether there was one."""
    path = common_dir / name
    if not path.is_file() or OID.fullmatch(stored(common_dir, name) or ""):
        return False
    path.unlink(missing_ok=True)
    return True


def _packed(common_dir: Path, name: str) -> str | None:
    try:
        lines = (common_dir / "packed-refs").read_bytes().splitlines()
    except FileNotFoundError:
        return None
    ending = b" " + name.encode()
    return next((line[: -len(ending)].decode("ascii", "replace") for line in lines if line.endswith(ending)), None)


def drop_stale_lock(path: Path, age_s_min: float = 2.0) -> bool:
    """Remove a `*.lock` that a killed git left; return whether it is gone. Only for who alone writes that file.

    Kept while it is young or any live process has it open. Its age is measured by the file system's own clock.
    """
    if is_old(path, age_s_min) and not is_open(path):
        path.unlink(missing_ok=True)
    return not path.exists()


def is_old(path: Path, age_s_min: float = 2.0) -> bool:
    """Return whether a file was written some time ago. One from the future is old: the clock was set back."""
    try:
        made = path.stat().st_mtime
    except FileNotFoundError:
        return False
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".swarmgit-now-") as now:
        return abs(os.fstat(now.fileno()).st_mtime - made) >= age_s_min
