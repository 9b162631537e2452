"""What is seen of the checkouts of the target."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from swarmgit.model.ids import CommitId

INDEX_LOCK = "index.lock"
"""The one path that stands for a checkout whose index another git holds."""

HUNG_FILTER = "hung filter/"
"""The first path where git did not come to an end with the rest, which it gives to filters. No file's path ends so."""


class Obstacle(Struct, frozen=True):
    """A person's edits that a landing would have to write over. `traces` changes once the edits do; `at`: when seen."""

    checkout: str
    paths: tuple[str, ...]
    traces: str
    at: datetime


class Behind(Struct, frozen=True):
    """A checkout of the target that does not show a landing yet. `paths`: the files; none: all of them.

    `why`: what git said; `commit`: what it should show; `tries`: how often it was tried in vain since.
    """

    checkout: str
    paths: tuple[str, ...]
    why: str
    commit: CommitId
    since: datetime
    tries: int = 0


class IndexLock(Struct, frozen=True):
    """The lock of a checkout's index. `is_used`: a live process has it open, as far as can be told."""

    path: str
    since: datetime
    is_used: bool
