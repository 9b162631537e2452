"""Open files below a folder that an agent could write: no link is followed, no pipe is waited for."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_beneath(root: Path, path: str, flags: int = os.O_RDONLY, *, make_folders: bool = False) -> int:
    """Return a descriptor of `root/path`; raise OSError where any part of it is a link or leads upwards."""
    *folders, name = path.split("/")
    if any(part in {"", ".", ".."} for part in (*folders, name)):
        raise FileNotFoundError(path)
    at = os.open(root, FOLDER)
    try:
        for folder in folders:
            if make_folders:
                _make_folder(at, folder)
            below = os.open(folder, FOLDER, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, flags | FILE, 0o666, dir_fd=at)
    finally:
        os.close(at)


def _make_folder(at: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=at)
    except FileExistsError:
        return


def _open_regular(root: Path, path: str, size_max: int) -> tuple[BinaryIO, os.stat_result] | None:
    try:
        descriptor = open_beneath(root, path)
    except (OSError, ValueError):
        return None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > size_max:
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb"), facts


def read_beneath(root: Path, path: str, size_max: int) -> bytes | None:
    """Return a regular file's content; None where it is missing, larger than `size_max`, or anything else."""
    opened = _open_regular(root, path, size_max)
    if opened is None:
        return None
    with opened[0] as file:
        content = file.read(size_max + 1)
    return content if len(content) <= size_max else None


def copy_beneath(source: Path, target: Path, path: str, size_max: int) -> bool:
    """Copy one regular file between two roots, mode included; False where there is none or one is there already."""
    opened = _open_regular(source, path, size_max)
    if opened is None:
        return False
    file, facts = opened
    with file:
        try:
            writing = open_beneath(target, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, make_folders=True)
        except OSError:
            return False
        with os.fdopen(writing, "wb") as copy:
            os.fchmod(writing, facts.st_mode & 0o777)
            shutil.copyfileobj(file, copy)
    return True
