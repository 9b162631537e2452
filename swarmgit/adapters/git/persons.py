"""What worktrees see of the person's repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.history import Target
from swarmgit.adapters.git.run import Git

NO_EXCLUDES = Path("/dev/null")
NOWHERE = Target(Git(Path("/dev/null")), "refs/heads/none")


class Person(Struct, frozen=True):
    """What worktrees see of the person's repository. `top` is None in a bare one; `include` is copied from there.

    `has`: whether a commit is in it. `target`: the branch whose commits have landed, so that what their set-up made may
    serve everybody. `excludes`: a file with what the person's git ignores besides.
    """

    objects: Path
    top: Path | None = None
    object_format: str = "sha1"
    target: Target = NOWHERE
    has: Callable[[str], bool] = lambda _: False
    excludes: Path = NO_EXCLUDES
