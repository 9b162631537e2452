"""The one place that starts git, with an environment built from nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.adapters.git.told import complaint
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
    "-c",
    "advice.graftFileDeprecated=false",
)


class GitFailed(SwarmError):
    """git said no; the message carries the command and its words."""

    def __init__(self, args: Sequence[str], returncode: int, stderr: str) -> None:
        words = complaint(stderr) or "no message"
        super().__init__(f"git {' '.join(args[:3])} failed with exit code {returncode}: {words}")
        self.returncode = returncode
        self.stderr = stderr


class OutOfTime(GitFailed):
    """git used up what it was given to work on what an agent wrote. Whoever wrote that has to make it simpler."""


class Bounds(Struct, frozen=True):
    """What git may use: seconds of processor for one call, KiB of memory (0: any), and the end of all calls.

    `until` is by the clock of `time.monotonic`. The kernel holds the first two, so that a git that outlives a killed
    reconciler ends all the same.
    """

    cpu_s: int
    until: float
    memory_kib: int = 0

    def around(self) -> tuple[str, ...]:
        """Return the words that go before a command."""
        memory = f"ulimit -v {self.memory_kib}; " if self.memory_kib else ""
        return ("/bin/sh", "-c", f'ulimit -c 0; ulimit -t {self.cpu_s}; {memory}exec "$@"', "sh")


ENDED_BY_LIMIT = frozenset({-signal.SIGXCPU, -signal.SIGKILL})
TIMED_OUT = -1


class Git(Struct, frozen=True):
    """A git directory and how to call git on it.

    `pass_fds` are inherited by children that move refs, so that the reconciler's lock outlives a killed reconciler
    until its last ref update is over. `base` is what the environment is built on: HARDENED, but for the few calls
    that work in a person's checkout under that person's own settings (see `persons_environment`). `bounds`: what each
    call may use, for work on what an agent wrote; None: as long as it takes.
    """

    git_dir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    base: Mapping[str, str] = field(default_factory=lambda: HARDENED)
    bounds: Bounds | None = None

    def bounded(self, cpu_s: int, wall_s: float, memory_kib: int = 0) -> Git:
        """Return this git with limits; where it has an end already, the earlier one holds. See OutOfTime."""
        until = time.monotonic() + wall_s
        return replace(self, bounds=Bounds(cpu_s, min(until, self.bounds.until) if self.bounds else until, memory_kib))

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
            [*(self.bounds.around() if self.bounds else ()), "git", *WITHOUT_HOOKS, *args],
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
        """Run git to its end and return what came of it, whatever the exit code; raise OutOfTime beyond its bounds."""
        bounds = self.bounds
        if bounds is not None:
            return self._bounded_call(bounds, args, stdin or b"", self.environment(env), cwd or self.git_dir)
        return subprocess.run(
            ["git", *WITHOUT_HOOKS, *args],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env=self.environment(env),
            cwd=cwd or self.git_dir,
            pass_fds=self.pass_fds,
            check=False,
        )

    def _bounded_call(
        self, bounds: Bounds, args: Sequence[str], stdin: bytes, env: Mapping[str, str], cwd: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git in a group of its own: whatever it has started, a filter, ends with it."""
        words = [*bounds.around(), "git", *WITHOUT_HOOKS, *args]
        with subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            pass_fds=self.pass_fds,
            process_group=0,
        ) as child:
            try:
                out, words_of_git = child.communicate(stdin, max(0.0, bounds.until - time.monotonic()))
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                with suppress(OSError):
                    child.communicate()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise OutOfTime(args, TIMED_OUT, "it ran out of time") from None
                raise
        if child.returncode in ENDED_BY_LIMIT:
            raise OutOfTime(args, child.returncode, f"it used more than {bounds.cpu_s} s of the processor")
        return subprocess.CompletedProcess(words, child.returncode, out, words_of_git)

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


def quoted_place(path: Path) -> str:
    """Return a path as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, be there a colon in it."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


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
