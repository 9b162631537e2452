"""What one session can touch, as a value; every kind of sandbox builds its walls from this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct, field

from swarmgit.documents import paths
from swarmgit.model.policy import Limits

Strength = Literal["full", "reduced", "none"]
ARGS_FILE = paths.BOX_FILE
FILTER_FILE = "box.bpf"


class Network(Struct, frozen=True):
    """`hosts` are reached through the proxy and nothing else is; `is_open`: everything that the person can reach."""

    hosts: tuple[str, ...] = ()
    is_open: bool = False


class Box(Struct, frozen=True):
    """Paths are absolute, real and there. `links`: symbolic links to make, (path, target). `hidden`: empty folders.

    `cwd` is the worktree, `home` the session's own home folder; both are among `write`. `pipes`: what can be written
    into and nothing else. `is_counted`: nothing but counting bounds its processes.
    """

    cwd: Path
    home: Path
    read: tuple[Path, ...]
    write: tuple[Path, ...]
    links: tuple[tuple[str, str], ...] = ()
    pipes: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    network: Network = Network()
    limits: Limits = field(default_factory=Limits)
    is_counted: bool = False


class Walls(Struct, frozen=True):
    """`start`: the words before each program that runs inside. `files`: what they need in the session's folder.

    `opens_pipes`: the pipes of the output have to be opened inside, so their names follow `start`.
    """

    start: tuple[str, ...]
    files: Mapping[str, bytes]
    opens_pipes: bool = False

    def around(self, stdout: str, stderr: str) -> tuple[str, ...]:
        """Return the words before a program whose output goes to these pipes; '': where it goes already."""
        return (*self.start, stdout, stderr) if self.opens_pipes else self.start


class Sandbox(Protocol):
    """One way to confine a session on this machine."""

    @property
    def name(self) -> str:
        """Return its name, as records and messages say it."""

    @property
    def strength(self) -> Strength:
        """Return how much it holds."""

    def walls(self, box: Box, folder: Path) -> Walls:
        """Return what to run a session's programs in; `folder` is the session's."""
