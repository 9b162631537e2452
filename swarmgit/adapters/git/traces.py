"""What a person's edit looks like from outside: while that stays the same, the edit is still in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from swarmgit.adapters.git.checkout_files import facts_of
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.model.ids import CommitId


def traces(objects: GitObjects, git_dir: Path | None, top: Path, head: CommitId | None, paths: Sequence[str]) -> str:
    """Return a text that changes when one of the paths does, on disk or in the target's commit.

    A path may also name what another git command leaves in `git_dir`, such as MERGE_HEAD.
    """
    seen = [
        (path, facts_of(top / path), facts_of(git_dir / path) if git_dir else None, objects.resolve(f"{head}:{path}"))
        for path in paths
    ]
    return hashlib.sha256(repr(seen).encode("utf-8", "surrogateescape")).hexdigest()[:40]
