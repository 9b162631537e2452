"""Files of one session. The session can write there too, so nothing is followed, waited for or believed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.processes.identity import SHORT
from swarmgit.errors import PersonMustAct, TryLater

NEW = ".new-"
TRASH = ".trash-"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def check_id(session: str) -> str:
    """Return a session's id, or raise PersonMustAct when it is none (it becomes a path)."""
    if not _ID.fullmatch(session):
        raise PersonMustAct(f"{session!r} is not a session id", hint="swarmgit status lists the sessions")
    return session


def make(sessions: Path, session: str, files: Mapping[str, bytes]) -> None:
    """Make a session's folder whole: under a temporary name, then renamed."""
    new = sessions / f"{NEW}{session}"
    delete(new)
    new.mkdir(mode=0o700)
    for name in ("inbox", "outbox", "outbox/read", "home", "tmp"):
        (new / name).mkdir()
    for name, content in files.items():
        for part in Path(name).parts[:-1]:
            if part in {"..", "/"}:
                raise ValueError(f"{name!r} leaves the session folder")
        path = new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    new.rename(sessions / session)


def read(folder: str, name: str, offset: int = 0, size_max: int = 1 << 20) -> bytes:
    """Return part of a regular file, b'' where there is none; links are not followed, pipes not waited for.

    TryLater where this process cannot open anything now: that says nothing about the file.
    """
    try:
        file = _open(folder, name)
    except OSError as error:
        if error.errno in SHORT:
            raise TryLater(f"{name} of a session cannot be read now: {error.strerror}", "swarmgit doctor") from error
        return b""
    try:
        return os.pread(file, size_max, offset) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(file)


def write(folder: str, name: str, content: bytes) -> None:
    """Put a whole file in place by rename, making the folders between."""
    *between, leaf = _parts(name)
    write_all(folder, "/".join(between), {leaf: content})


def write_all(folder: str, below: str, contents: Mapping[str, bytes]) -> None:
    """Put whole files in place by rename, in their order, in the folder `below` ('' for the folder itself)."""
    here = _enter(folder, _parts(below) if below else (), makes=True)
    try:
        for leaf, content in contents.items():
            _parts(leaf)
            _write(here, leaf, content)
    finally:
        os.close(here)


def _write(here: int, leaf: str, content: bytes) -> None:
    new = f".{leaf}.new"
    with suppress(FileNotFoundError):
        os.unlink(new, dir_fd=here)
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=here)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(file, left) :]
    finally:
        os.close(file)
    os.rename(new, leaf, src_dir_fd=here, dst_dir_fd=here)


def discard(folder: str, below: str, names: Sequence[str], times: Sequence[int] = ()) -> dict[str, str]:
    """Delete files of the folder `below`, read-only or not, and return those that resist, with the reason.

    What is not there counts as deleted; so does a folder: it was a file when somebody looked. Of each name that has one
    of `times`, in nanoseconds, only the file that was last changed then is deleted.
    """
    resisting: dict[str, str] = {}
    with suppress(FileNotFoundError, NotADirectoryError):
        here = _enter(folder, _parts(below))
        try:
            for name, time_ns in zip_longest(names, times):
                _parts(name)
                try:
                    _unlink(name, here, time_ns)
                except OSError as error:
                    resisting[name] = error.strerror or str(error)
        finally:
            os.close(here)
    return resisting


def _unlink(leaf: str, here: int, time_ns: int | None) -> None:
    with suppress(IsADirectoryError, FileNotFoundError):
        if time_ns is not None and os.stat(leaf, dir_fd=here, follow_symlinks=False).st_mtime_ns != time_ns:
            return
        try:
            os.unlink(leaf, dir_fd=here)
        except PermissionError:
            os.fchmod(here, 0o700)
            os.unlink(leaf, dir_fd=here)


def move(folder: str, old: str, new: str) -> None:
    """Rename a file below a folder, making the folders between; nothing where there is none."""
    *source, leaf = _parts(old)
    *target, name = _parts(new)
    with suppress(FileNotFoundError, NotADirectoryError):
        here = _enter(folder, source)
        try:
            there = _enter(folder, target, makes=True)
            try:
                os.rename(leaf, name, src_dir_fd=here, dst_dir_fd=there)
            finally:
                os.close(there)
        finally:
            os.close(here)


def create(folder: str, name: str, content: bytes) -> bool:
    """Create a file that must not exist yet; False when it does."""
    try:
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(file, "wb") as out:
        out.write(content)
    return True


def modified(folder: str, *names: str) -> float | None:
    """Return the newest modification time of these files, in seconds, None when none exists."""
    newest = None
    for name in names:
        try:
            at = os.stat(f"{folder}/{name}", follow_symlinks=False).st_mtime  # noqa: PTH116 - 60 a tick
        except OSError:
            continue
        newest = at if newest is None or at > newest else newest
    return newest


def size(folder: str, name: str) -> int | None:
    """Return a regular file's size, None where there is none; links are not followed."""
    try:
        status = os.stat(f"{folder}/{'/'.join(_parts(name))}", follow_symlinks=False)  # noqa: PTH116 - every tick
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _enter(folder: str, between: Sequence[str], *, makes: bool = False) -> int:
    """Return the open folder below `folder`; links are not followed. The caller closes it."""
    here = os.open(folder, _FOLDER)
    try:
        for part in between:
            if makes:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=here)
            there = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = there
    except OSError:
        os.close(here)
        raise
    return here


def _open(folder: str, name: str) -> int:
    *between, leaf = _parts(name)
    if not between:  # the usual case, without opening the folder
        return os.open(f"{folder}/{leaf}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    here = _enter(folder, between)
    try:
        return os.open(leaf, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise ValueError(f"{name!r} is not a name inside a session folder")
    return parts
