"""The engine for commands that only read: nothing is made or mended."""

from __future__ import annotations

from pathlib import Path

from swarmgit.adapters.git.engine import EMPTY_TREE, is_as_made
from swarmgit.adapters.git.run import Git, quoted_place
from swarmgit.documents.paths import ENGINE


def engine_to_read(live: Path, common_dir: Path, algorithm: str) -> Git:
    """Return the engine as it is. Where it is missing, or not as we made it, the person's repository with its objects:
    a session without a sandbox could have changed its settings, and they must not be obeyed."""
    folder = live / ENGINE
    if is_as_made(folder, common_dir, algorithm):
        return Git(folder, env={"GIT_ATTR_SOURCE": EMPTY_TREE[algorithm]})
    return Git(common_dir, env={"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted_place(folder / "objects")})
