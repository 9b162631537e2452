"""The repository of swarmgit's own in which all git work on agents' content happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path
from typing import Protocol

from swarmgit.model.conflicts import LaidOut, Proposal
from swarmgit.model.desired import Gate, MergeConfig
from swarmgit.model.git import RefFault, Signature
from swarmgit.model.ids import CommitId, TreeId
from swarmgit.model.observed import Lack, MergeTry
from swarmgit.model.status import Difference


class Conflicts(Protocol):
    """What a session resolves: laid out for it, taken back, and remembered."""

    def lay_out(self, onto: CommitId, head: CommitId, auto: MergeConfig | None) -> LaidOut:
        """Lay the conflicts of a merge out; the same merge gives the same commit."""

    def propose(self, resolved: CommitId, auto: MergeConfig | None) -> Proposal:
        """Return the merge of both sides with the tree of a captured commit that was made on a layout.

        `auto`: as the layout was made.
        """

    def remember(self, proposal: CommitId) -> None:
        """Keep how a proposal resolved its conflicts, for the next time that they come up."""


class SignatureReader(Protocol):
    """What signatures of agents are worth."""

    def verify(self, commits: Sequence[CommitId], allowed: bytes) -> Mapping[CommitId, Signature]:
        """Return what the signatures of commits are worth, by the keys that `allowed` lists in git's format."""

    def known(self) -> bytes:
        """Return the keys that were made here, in git's format of allowed signers."""


class Signatures(SignatureReader, Protocol):
    """Keys of agents, kept outside of every sandbox, and what they signed."""

    def sign(self, tried: MergeTry) -> MergeTry:
        """Return a merge with its candidate signed by its author's key, made on first use; conflicts as they are.

        The same key signs the same commit alike. PersonMustAct where this machine cannot sign.
        """


class IntegrityReader(Protocol):
    """Whether what open work stands on can be had."""

    def missing(self, wanted: AbstractSet[CommitId], target: CommitId | None, now: datetime) -> Mapping[CommitId, Lack]:
        """Return those of `wanted` that cannot be had, and why.

        That a commit is there is asked at most every so often; whether all that it needs is, only where it is in doubt.
        """

    def copied(self) -> frozenset[CommitId]:
        """Return the commits of which swarmgit has copies of its own."""


class Integrity(IntegrityReader, Protocol):
    """Copies of what open work stands on."""

    def doubt(self, commits: Iterable[CommitId], error: BaseException) -> None:
        """Look closer at these next time, beside the tick, if what failed with them may have to do with objects."""

    def keep(self, commits: AbstractSet[CommitId]) -> None:
        """See to it that swarmgit has copies of its own of these commits; those of others may go.

        Large ones are copied meanwhile. What cannot be read is left to who needs it.
        """


class UpkeepReader(Protocol):
    """What is wrong with refs of swarmgit's own."""

    def faults(self, *, thorough: bool = False) -> tuple[RefFault, ...]:
        """Return the refs below `refs/swarm/` of the person's repository that name no commit that is there.

        `thorough`: nor one of which something is missing.
        """

    def mirrors(self) -> tuple[str, ...]:
        """Return the remotes whose refspecs take `refs/swarm/` along: whoever reads them reads submitted work."""


class Upkeep(UpkeepReader, Protocol):
    """Refs and locks of swarmgit's own, as power cuts, kills and other people's git leave them."""

    def drop(self, faults: Sequence[RefFault]) -> None:
        """Drop refs whose commits are nowhere, and note what they were in the live folder."""

    def heal(self) -> None:
        """Put right what can be: put refs of work back, drop derived ones, remove locks that nobody holds.

        Only for who holds the reconciler's lock.
        """


class EngineReader(Protocol):
    """Reads swarmgit's own repository, which sees the person's objects too."""

    @property
    def signatures(self) -> SignatureReader: ...

    @property
    def integrity(self) -> IntegrityReader: ...

    @property
    def upkeep(self) -> UpkeepReader: ...

    def code_tree(self, rev: str) -> TreeId:
        """Return the id of a commit's or tree's tree without its `.swarm` entry."""

    def gate_inputs(self, rev: str, gates: Sequence[Gate]) -> dict[str, str]:
        """Return, for each gate with `inputs`, the hash of the paths, modes and blobs that match them."""

    def pins(self) -> dict[str, CommitId]:
        """Return every ref of the engine below `refs/swarm/`."""

    def difference(self, old: CommitId, new: CommitId, guarded: Sequence[str]) -> Difference:
        """Return what differs between two commits, as a person's verdict is about it."""

    def diff(self, old: CommitId, new: CommitId) -> str:
        """Return what differs between two commits as git shows it, with what is no text in it replaced."""

    def unsubmitted(self, works: Mapping[str, CommitId]) -> frozenset[str]:
        """Return those of the refs that the person's repository does not have at their commits."""

    def changed_paths(self, old: CommitId, new: CommitId) -> tuple[str, ...]:
        """Return the paths that differ between two commits, sorted."""


class Engine(EngineReader, Protocol):
    """The bare repository of swarmgit's own in which all git work on agents' content happens."""

    @property
    def signatures(self) -> Signatures: ...

    @property
    def integrity(self) -> Integrity: ...

    @property
    def upkeep(self) -> Upkeep: ...

    @property
    def conflicts(self) -> Conflicts: ...

    def merge(
        self,
        onto: CommitId,
        head: CommitId,
        message: str,
        gates: Sequence[Gate],
        style: str,
        auto: MergeConfig | None = None,
    ) -> MergeTry:
        """Merge in memory; on success build the candidate commit.

        `auto`: resolve conflicts by rules, with what this configuration declares; None: leave every conflict.
        style merge: parents (onto, head); squash: parent onto only, author of `head`. Committer swarmgit, and a
        date taken from `head`, so that the same merge is the same commit.
        """

    def pin(self, refs: Mapping[str, CommitId]) -> None:
        """Keep commits from being collected, by refs of the engine; all or none."""

    def unpin(self, ref: str) -> None:
        """Drop a ref of the engine, if it is there."""

    def prune(self, before: datetime, keep: Sequence[str]) -> int:
        """Delete the engine's loose objects that no pin and no commit in `keep` reaches, last written before `before`.

        Return how many. Only for who holds the lock: nobody may come to need one meanwhile.
        """

    def salvage(self, ref: str, oid: CommitId) -> None:
        """Bring a commit into the person's repository and pin it there by `ref` (`refs/swarm/…`).

        Where something of it cannot be read any more, what is left is pinned instead, as a commit without a parent.
        """

    def lay_out(self, commit: CommitId, folder: Path) -> None:
        """Lay out a commit's files in a folder of their own, read-only and without git."""

    def submit(self, works: Mapping[str, CommitId]) -> None:
        """Bring submitted work into the person's repository and pin it there by its refs; all or none."""

    def withdraw(self, refs: Iterable[str]) -> None:
        """Drop refs below `refs/swarm/` from the person's repository, those that are there; all or none."""
