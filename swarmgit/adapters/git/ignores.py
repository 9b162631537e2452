"""What git ignores in a session's tree. The patterns may be the agent's, and some of them take git years."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from swarmgit.adapters.git.filling import places
from swarmgit.adapters.git.private_git import escaped
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.adapters.git.slots import Slot

NOWHERE = Path(os.devnull)


class Kept:
    """The paths that are not the session's work, and all below them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = frozenset(os.fsencode(path) for path in paths)

    def covers(self, path: bytes) -> bool:
        """Return whether a path is one of them or lies below one."""
        if not self._paths:
            return False
        parts = path.split(b"/")
        return any(b"/".join(parts[:size]) in self._paths for size in range(1, len(parts) + 1))


class Ignores:
    """`engine` has bounds. Once it has run out of time, nothing counts as ignored and no pattern is tried again."""

    def __init__(
        self, engine: Git, slot: Slot, kept: Kept, env: Mapping[str, str] | None = None, *, excludes: Path = NOWHERE
    ) -> None:
        """`env` names another index than the slot's, so that other paths count as tracked. `excludes`: patterns of the
        person's own."""
        self._words = ("-c", f"core.excludesFile={excludes}")
        self._env = env or places(slot)
        self._engine = engine
        self._slot = slot
        self._kept = kept
        self.is_beaten = False

    def untracked(self) -> list[bytes]:
        """Return new paths that are not ignored; one that ends with '/' is a repository of its own."""
        hidden = [argument for path in self._slot.kept for argument in ("-x", escaped(path))]
        words = ("ls-files", "-z", "-o")
        try:
            output = self._engine.out(*self._words, *words, "--exclude-standard", *hidden, env=self._env)
        except OutOfTime:
            self.is_beaten = True
            output = self._engine.out(*words, *hidden, env=self._env)
        return [path for path in output.split(b"\0") if path and not self._kept.covers(path.rstrip(b"/"))]

    def ignored(self, paths: Sequence[bytes]) -> set[bytes]:
        """Return those of the paths that git ignores: they are never taken in."""
        if not paths or self.is_beaten:
            return set()
        names = b"".join(b"./%s\0" % path for path in paths)  # so that no name is taken for a pathspec
        env = {**self._env, "GIT_LITERAL_PATHSPECS": "0"}
        try:
            asked = self._engine.call(*self._words, "check-ignore", "-z", "--stdin", stdin=names, env=env)
        except OutOfTime:
            self.is_beaten = True
            return set()
        found = asked.stdout.split(b"\0") if asked.returncode in {0, 1} else []
        return {path.removeprefix(b"./") for path in found}
