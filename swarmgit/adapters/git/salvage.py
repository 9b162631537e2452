"""Bringing work that did not land into the person's repository, in a form that git accepts there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from swarmgit.adapters.git.acceptable import acceptable
from swarmgit.adapters.git.loose import LooseWriter
from swarmgit.adapters.git.objects import GitObjects, MemoryWriter
from swarmgit.adapters.git.remains import remains
from swarmgit.adapters.git.run import OutOfTime
from swarmgit.adapters.git.transfer import Transfer
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId


class Salvage(Struct, frozen=True):
    """From the engine (`objects`, `writer`) to the person's repository."""

    objects: GitObjects
    person: GitObjects
    writer: LooseWriter | MemoryWriter
    transfer: Transfer

    @contextmanager
    def bringing(self, commit: CommitId) -> Iterator[CommitId]:
        """Yield the commit that the person's repository has for it now: itself, or one with the same content."""
        with ExitStack() as stack:
            try:
                saved = self._bring(commit, stack)
            except OutOfTime:
                raise
            except SwarmError:  # something of it is missing, then what is left is saved; else this fails as well
                left, new = remains(self.objects, commit)
                self.writer.write(new)
                saved = self._bring(left, stack)
            yield saved

    def _bring(self, commit: CommitId, stack: ExitStack) -> CommitId:
        saved, new = acceptable(self.objects, commit, lambda each: self.person.kind(each) is not None)
        self.writer.write(new)
        stack.enter_context(self.transfer.bringing(saved))
        return saved
