"""Actions on what keeps work alive for as long as it stands in the merge queue."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.model.ids import CommitId, EntryId, TaskId


class Submit(Struct, frozen=True):
    """Pin an entry's work in the person's repository by `ref`, for as long as it stands in the merge queue."""

    entry: EntryId
    task: TaskId
    commit: CommitId
    ref: str


class Unpin(Struct, frozen=True):
    """Entries are finished: drop what kept their candidates, and `refs`, which kept their work."""

    entries: tuple[EntryId, ...]
    refs: tuple[str, ...] = ()
