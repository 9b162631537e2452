"""Work that is pinned in the person's repository: what did not land, and what stands in the merge queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack

from swarmgit.adapters.git.loose import LooseWriter
from swarmgit.adapters.git.objects import GitObjects, MemoryWriter
from swarmgit.adapters.git.refs import RefChange, RefWriter, may_exist, move_own, stored
from swarmgit.adapters.git.salvage import Salvage
from swarmgit.adapters.git.transfer import Transfer
from swarmgit.model.ids import CommitId


class SavedWork:
    """The part of ports.Engine that moves refs of swarmgit's own in the person's repository."""

    def __init__(
        self, engine: GitObjects, person: GitObjects, transfer: Transfer, writer: LooseWriter | MemoryWriter
    ) -> None:
        self._person = person
        self._bringer = transfer
        self._salvage = Salvage(engine, person, writer, transfer)
        self._person_refs = RefWriter(person.git)

    def salvage(self, ref: str, oid: CommitId) -> None:
        _check_own(ref)
        with self._salvage.bringing(oid) as saved:
            if self._person.ref(ref) != saved:
                self._move([RefChange(ref, saved)])

    def submit(self, works: Mapping[str, CommitId]) -> None:
        with ExitStack() as stack:
            for commit in works.values():
                stack.enter_context(self._bringer.bringing(commit))
            self._move([RefChange(ref, commit) for ref, commit in works.items()])

    def withdraw(self, refs: Iterable[str]) -> None:
        common_dir = self._person.git.git_dir
        self._move([RefChange(ref, None) for ref in refs if may_exist(common_dir, ref)])

    def unsubmitted(self, works: Mapping[str, CommitId]) -> frozenset[str]:
        common_dir = self._person.git.git_dir
        return frozenset(ref for ref, commit in works.items() if stored(common_dir, ref) != commit)

    def close(self) -> None:
        """End the git process."""
        self._person_refs.close()

    def _move(self, changes: Sequence[RefChange]) -> None:
        for change in changes:
            _check_own(change.name)
        if changes:
            length = 40 if self._person.algorithm == "sha1" else 64
            move_own(self._person_refs, self._person.git.git_dir, changes, length)


def _check_own(ref: str) -> None:
    if not ref.startswith("refs/swarm/"):
        raise ValueError(f"what swarmgit keeps is under refs/swarm/, not {ref}")
