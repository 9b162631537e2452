"""A repository of our own making, for the demo: with an identity of its own, whatever the machine is configured for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from swarmgit.adapters.git.run import HARDENED, Git

NAME = "Pat Demo"
EMAIL = "pat@demo.invalid"
BY = "%(trailers:key=Swarm-Agent,valueonly,separator=%x2C)"
ATTEMPT = "%(trailers:key=Swarm-Attempt,valueonly,separator=%x2C)"
HISTORY = f"%h %s%n     by {BY}, attempt {ATTEMPT}"
SETTINGS: Mapping[str, str] = {
    "user.name": NAME,
    "user.email": EMAIL,
    "commit.gpgsign": "false",
    "core.hooksPath": "/dev/null",
    "core.autocrlf": "false",
}


class ScratchRepository:
    """A working tree that nobody has worked in yet."""

    def __init__(self, top: Path, environ: Mapping[str, str]) -> None:
        base = {**HARDENED, "PATH": environ.get("PATH") or HARDENED["PATH"]}
        self._top = top
        self._git = Git(top / ".git", env={"GIT_WORK_TREE": str(top)}, base=base)

    def make(self, branch: str) -> None:
        """Make the repository in a folder that exists and is empty."""
        self._git.out("init", "--quiet", "--template=", f"--initial-branch={branch}", str(self._top), cwd=self._top)
        for name, value in SETTINGS.items():
            self._git.out("config", name, value)

    def commit(self, files: Mapping[str, bytes], message: str) -> None:
        """Write files (by their path from the top) and commit them, as a person does."""
        for name, content in files.items():
            path = self._top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._git.out("add", "--all", cwd=self._top)
        self._git.out("commit", "--quiet", f"--message={message}", cwd=self._top)

    def history(self, branch: str) -> str:
        """Return the landings on a branch as git shows them, newest first, each with who made it."""
        return os.fsdecode(
            self._git.out("log", "--graph", "--first-parent", "--merges", f"--format={HISTORY}", branch)
        ).rstrip()
