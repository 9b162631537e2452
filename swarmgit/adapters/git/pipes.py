"""What git would wait for or choke on where it looks for attributes and ignore rules: pipes, devices, giants."""

# Names need not be UTF-8, so paths are bytes here, which pathlib does not take.
# ruff: noqa: PTH101, PTH105, PTH108

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

READ_BY_GIT = frozenset({b".gitattributes", b".gitignore"})
BYTES_MAX = 1 << 20
"""Git reads such a file whole, and those of all folders above it; a sparse one costs its writer nothing."""
_CUT = b"#" * BYTES_MAX + b"\n"


def clear(tree: Path) -> None:
    """Make files of these names harmless in a worktree; `tree` has a folder of ours around it.

    Pipes, sockets and devices are removed; they then count as files that are not there. A giant is replaced by a
    comment that is just too large, so that the scan objects to it also when this is done a second time.
    """
    if tree.is_dir() and not tree.is_symlink():
        for entry in _read_by_git(os.fsencode(tree)):
            with suppress(OSError):
                facts = entry.stat(follow_symlinks=False)
                is_giant = stat.S_ISREG(facts.st_mode) and facts.st_size > len(_CUT)
                if is_giant or not (stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)):
                    os.chmod(os.path.dirname(entry.path), 0o700)  # noqa: PTH120 - the agent may have taken the right away
                    _cut(entry.path, tree) if is_giant else os.unlink(entry.path)


def listed(folder: bytes) -> list[os.DirEntry[bytes]]:
    """Return a folder's entries; where the agent took away the right to look, take it back first."""
    for _ in range(2):
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except PermissionError:
            os.chmod(folder, 0o700)
        except OSError:
            break
    return []


def _read_by_git(root: bytes) -> Iterator[os.DirEntry[bytes]]:
    todo = [root]
    while todo:
        for entry in listed(todo.pop()):
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
            elif entry.name in READ_BY_GIT:
                yield entry


def _cut(path: bytes, tree: Path) -> None:
    """Put the comment in a file's place at once; the file itself may have other names."""
    fresh = tree.with_name(".cut")
    fresh.write_bytes(_CUT)
    os.replace(fresh, path)
