"""What git would wait for: a pipe or device where it looks for attributes and ignore rules."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

READ_BY_GIT = frozenset({".gitattributes", ".gitignore"})


def clear(tree: Path) -> None:
    """Remove pipes, sockets and devices of these names from a worktree; they then count as files that are not there."""
    for folder, _, names in os.walk(tree):
        for name in READ_BY_GIT.intersection(names):
            path = os.path.join(folder, name)  # noqa: PTH118 - one for each folder with such a file
            with suppress(OSError):
                mode = os.lstat(path).st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                    os.unlink(path)  # noqa: PTH108
