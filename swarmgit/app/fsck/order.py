"""What came before what, by the commits of the state branch: clocks may have been set back meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId, EntryId
from swarmgit.model.queue import Entry, Landing
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds

LEDGER = (kinds.ENTRIES.place, kinds.ARCHIVE)


@dataclass(frozen=True)
class Intended:
    """An entry as it stood in `commit`, the first of the state branch with the intent that it landed by."""

    commit: CommitId
    entry: Entry


@dataclass(frozen=True)
class Order:
    """Reads the versions of the ledger's files, the newest first, once for each state."""

    world: ReadWorld
    _found: dict[CommitId, dict[EntryId, Intended]] = field(default_factory=dict)

    def intended(self, entry: Entry, states: Iterable[CommitId]) -> Intended | None:
        """Return the first version of an entry that has its intent to land as its candidate, in any of the states."""
        for head in states:
            if head not in self._found:
                self._found[head] = self._read(head)
            found = self._found[head].get(entry.id)
            if found is not None and _new(found.entry) == _new(entry):
                return found
        return None

    def _read(self, head: CommitId) -> dict[EntryId, Intended]:
        """Return each entry as it stood when its last intent was recorded; versions before that are not parsed."""
        found: dict[EntryId, Intended] = {}
        done: set[EntryId] = set()
        for commit, path, blob in self.world.history.versions(head, LEDGER):
            name = EntryId(kinds.ENTRIES.key(path))
            if kinds.at(path) is not kinds.ENTRIES or name in done:
                continue
            entry = self._entry(path, blob)
            new = _new(entry) if entry is not None else None
            if entry is not None and new is not None and (name not in found or new == _new(found[name].entry)):
                found[name] = Intended(commit, entry)
            elif name in found:
                done.add(name)
        return found

    def _entry(self, path: str, blob: str) -> Entry | None:
        try:
            return kinds.ENTRIES.read(path, self.world.objects.blob(blob))
        except SwarmError:
            return None


def _new(entry: Entry) -> CommitId | None:
    """Return what the intent that an entry landed by moves the target to."""
    intent = entry.last(Landing)
    return intent.new if intent is not None else None
