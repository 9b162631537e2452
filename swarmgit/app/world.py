"""Everything a use case may touch, as ports. `wiring` fills it with real parts, tests with what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from swarmgit import ports
from swarmgit.model.ids import CommitId


@dataclass(frozen=True, slots=True)
class Repository:
    """Where one repository is. `top` is None in a bare one; `store` is where worktrees go, outside the repository."""

    common_dir: Path
    top: Path | None
    live: Path
    store: Path
    target: str | None


@dataclass(frozen=True, slots=True)
class World:
    """Ports of one repository.

    `stream_reader` makes the reader of a runtime's output by adapter name; `environment` is the fingerprint
    that goes into evidence keys. `fault` is called before each effect with its name: the crash tests raise in it.
    """

    repository: Repository
    clock: ports.Clock
    objects: ports.Objects
    state: ports.StateStore
    engine: ports.Engine
    worktrees: ports.Worktrees
    landing: ports.Landing
    executor: ports.Executor
    cache: ports.LiveCache
    lock: ports.Lock
    doorbell: Callable[[], ports.Doorbell]
    stream_reader: Callable[[str], ports.StreamReader]
    environment: str
    host_env: Mapping[str, str]
    fault: Callable[[str], None]
    state_head_at: Callable[[str], CommitId | None]
