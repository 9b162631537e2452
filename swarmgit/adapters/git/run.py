"""The one place that starts git, with an environment built from nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct, field

from swarmgit.errors import SwarmError

HARDENED: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_EDITOR": "/bin/false",
    "GIT_SEQUENCE_EDITOR": "/bin/false",
    "GIT_PAGER": "cat",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
}
"""ISOLATION: never configuration, hooks, attributes or prompts from anywhere else."""

SWARMGIT: Mapping[str, str] = {
    "GIT_AUTHOR_NAME": "swarmgit",
    "GIT_AUTHOR_EMAIL": "swarmgit@localhost",
    "GIT_COMMITTER_NAME": "swarmgit",
    "GIT_COMMITTER_EMAIL": "swarmgit@localhost",
}
"""Who moves refs, for the reflogs."""

WITHOUT_HOOKS: tuple[str, ...] = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.fsync=loose-object,reference,pack,pack-metadata",
    "-c",
    "core.fsyncMethod=batch",
    "-c",
    "safe.directory=*",
)


class GitFailed(SwarmError):
    """git said no; the message carries the command and its words."""

    def __init__(self, args: Sequence[str], returncode: int, stderr: str) -> None:
        words = stderr.strip() or "no message"
        super().__init__(f"git {' '.join(args[:3])} failed with exit code {returncode}: {words}")
        self.returncode = returncode
        self.stderr = stderr


class Git(Struct, frozen=True):
    """A git directory and how to call git on it.

    `pass_fds` are inherited by children that move refs, so that the reconciler's lock outlives a killed reconciler
    until its last ref update is over. `base` is what the environment is built on: HARDENED, but for the few calls
    that work in a person's checkout under that person's own settings (see `persons_environment`).
    """

    git_dir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    base: Mapping[str, str] = field(default_factory=lambda: HARDENED)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self.base, "GIT_DIR": str(self.git_dir), **self.env, **(extra or {})}

    def start(
        self,
        *args: str,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
        moves_refs: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a git that is spoken to over pipes; the end of its standard input (also our death) is its end.

        It has a process group of its own, so that Ctrl-C at the terminal does not end it between two messages.
        """
        return subprocess.Popen(
            ["git", *WITHOUT_HOOKS, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=self.environment(env),
            cwd=self.git_dir,
            pass_fds=self.pass_fds if moves_refs else (),
            process_group=0,
        )

    def call(
        self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git to its end and return what came of it, whatever the exit code."""
        return subprocess.run(
            ["git", *WITHOUT_HOOKS, *args],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env=self.environment(env),
            cwd=cwd or self.git_dir,
            pass_fds=self.pass_fds,
            check=False,
        )

    def out(
        self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> bytes:
        """Run git and return its standard output, or raise GitFailed."""
        done = self.call(*args, stdin=stdin, env=env, cwd=cwd)
        if done.returncode != 0:
            raise GitFailed(args, done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def line(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run git and return its output as one stripped string."""
        return self.out(*args, stdin=stdin, env=env).decode("utf-8", "surrogateescape").strip()


def persons_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return a person's environment for git calls in their own checkout: theirs, without what redirects git."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "/bin/false",
        "GIT_PAGER": "cat",
        "GIT_LITERAL_PATHSPECS": "1",
        **SWARMGIT,
    }
