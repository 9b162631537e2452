"""What the target's history says about landings, beside what state says. Read once for each new head."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from swarmgit.documents import paths
from swarmgit.errors import SwarmError
from swarmgit.model import trailers
from swarmgit.model.ids import CommitId, TaskId
from swarmgit.model.landings import Drift, Mention, Revert, TargetLanding
from swarmgit.model.observed import Stored
from swarmgit.model.renames import called, names_of
from swarmgit.model.status import TaskStatus
from swarmgit.ports.world import ReadWorld
from swarmgit.state import kinds
from swarmgit.state.reading import StateReader

CACHE_NAME = "target.json"
SETTLED = frozenset({"landed", "reverted", "unchanged", "reported", "cancelled"})


class _Read(msgspec.Struct):
    """All that was read of the target up to `head`: the newest commit that names a task, for each of its runs."""

    head: CommitId | None = None
    mentions: list[Mention] = []
    reverts: list[Revert] = []


class TargetReader:
    """Reads on from where the last look ended; a target that was moved back is read from its beginning.

    `keeps`: what was read is kept for the next process; only who leads writes it.
    """

    def __init__(self, world: ReadWorld, *, keeps: bool) -> None:
        self._world = world
        self._keeps = keeps
        self._read: _Read | None = None
        self._by_task: dict[TaskId, dict[int, Mention]] = {}
        self._others = StateReader(world.objects, world.cache, keeps=False)
        self._renamed: tuple[tuple[CommitId, ...], dict[TaskId, TaskStatus]] | None = None
        self._twins: dict[tuple[CommitId, CommitId], CommitId | None] = {}
        self._proofs: dict[tuple[Mention, tuple[CommitId, ...]], TargetLanding] = {}

    def landings(
        self, stored: Stored, target: CommitId | None, wanted: AbstractSet[TaskId]
    ) -> Mapping[TaskId, TargetLanding]:
        """Return, for each wanted task that state does not know as settled, the commit of the target that names it.

        `wanted`: the tasks of the intent. A task that is asked for again is only named by what landed it again.
        """
        if target is None:
            return {}
        self._read_on(target)
        found: dict[TaskId, TargetLanding] = {}
        new = {task for task in wanted if task not in stored.statuses and task not in stored.archived}
        elsewhere = self._renamed_elsewhere() if new and self._by_task else {}
        for task in {*new, *stored.statuses}:
            status = stored.statuses.get(task)
            run = status.run if status is not None else 1
            if status is not None and status.phase in SETTLED:
                continue
            named = self._named(task, status or elsewhere.get(task))
            newest = max((each for each in named if each.run >= run), key=_run, default=None)
            if newest is not None:
                found[task] = self._proven(stored, target, newest)
        return found

    def _named(self, task: TaskId, status: TaskStatus | None) -> list[Mention]:
        """Return the commits that name a task, by whatever name it had then."""
        names = names_of(status) if status is not None else (task,)
        return [each for name in names for each in self._by_task.get(name, {}).values()]

    def _renamed_elsewhere(self) -> Mapping[TaskId, TaskStatus]:
        """Return what other states say of tasks that were called otherwise before."""
        tips = tuple(sorted(self._tips().values()))
        if self._renamed is None or self._renamed[0] != tips:
            found: dict[TaskId, TaskStatus] = {}
            for tip in tips:
                with suppress(SwarmError):  # a state that was put aside because it cannot be read
                    known = self._others.read(tip).statuses
                    found.update({name: each for name, each in known.items() if each.renamed_from})
            self._renamed = tips, found
        return self._renamed[1]

    def drift(self, stored: Stored, target: CommitId | None) -> Mapping[TaskId, Drift]:
        """Return what became of the landings that state knows, where they are not on the target as they were."""
        if target is None:
            return {}
        self._read_on(target)
        undone = self._undone()
        found: dict[TaskId, Drift] = {}
        for task, status in stored.statuses.items():
            if status.phase not in {"landed", "reverted"} or status.landed_commit is None:
                continue
            taken_back = [undone[name, status.run] for name in names_of(status) if (name, status.run) in undone]
            if taken_back:
                found[task] = Drift("reverted", taken_back[0])
            elif (other := self._moved(status, target)) is not None:
                found[task] = other
        return found

    def _undone(self) -> dict[tuple[TaskId, int], CommitId]:
        """Return the commit that takes back the landing of a task, by task and run; one that was reverted does not."""
        read = self._read or _Read()
        reverted: set[CommitId] = set()
        found: dict[tuple[TaskId, int], CommitId] = {}
        for each in read.reverts:  # the newest first: what takes back a revert comes before it
            if each.commit not in reverted:
                reverted.add(each.of)
                found.update(dict.fromkeys(each.tasks, each.commit))
        return found

    def _moved(self, status: TaskStatus, target: CommitId) -> Drift | None:
        """Return what became of a landing that is not on the target; None where it is there."""
        landed = status.landed_commit
        named = next((each for each in self._named(status.task, status) if each.run == status.run), None)
        if landed is None or (named is not None and named.commit == landed):
            return None
        if self._world.objects.is_ancestor(landed, target):
            return None
        if named is not None and status.last is not None and named.session == status.last.session:
            return Drift("rewritten", named.commit)
        key = landed, target
        if key not in self._twins:
            self._twins[key] = self._world.history.twin(landed, target)
        twin = self._twins[key]
        return Drift("gone", landed) if twin is None else Drift("rewritten", twin)

    def keep(self) -> None:
        """Keep what was read for the next process."""
        if self._keeps and self._read is not None and self._read.head is not None:
            self._world.cache.write(CACHE_NAME, msgspec.json.encode(self._read))

    def _read_on(self, target: CommitId) -> None:
        read = self._read if self._read is not None else self._from_cache()
        if read.head == target and self._read is not None:
            return
        if read.head is not None and not self._world.objects.is_ancestor(read.head, target):
            read = _Read()
        if read.head != target:
            told = self._world.history.told(target, read.head)
            new = {(each.task, each.run): each for each in (*reversed(read.mentions), *reversed(told.mentions))}
            read = _Read(target, [*reversed(new.values())], [*told.reverts, *read.reverts])
        self._read = read
        self._by_task = {}
        for each in read.mentions:
            self._by_task.setdefault(each.task, {})[each.run] = each

    def _from_cache(self) -> _Read:
        raw = self._world.cache.read(CACHE_NAME)
        try:
            return msgspec.json.decode(raw, type=_Read) if raw else _Read()
        except msgspec.MsgspecError:
            return _Read()

    def _proven(self, stored: Stored, target: CommitId, mention: Mention) -> TargetLanding:
        """Return a task's landing with where it is proven: a ledger that has it, or swarmgit's signature."""
        claim = TargetLanding(mention.commit, mention.run)
        own = self._in_ledger(stored, target, mention)
        if own is not None:
            return replace(claim, commit=own, proof="the ledger")
        tips = self._tips()
        key = (mention, tuple(sorted(tips.values())))
        if key not in self._proofs:
            self._proofs[key] = self._elsewhere(tips, target, mention) or claim
        return self._proofs[key]

    def _elsewhere(self, tips: Mapping[str, CommitId], target: CommitId, mention: Mention) -> TargetLanding | None:
        for name, tip in sorted(tips.items()):
            try:
                commit = self._in_ledger(self._others.read(tip), target, mention)
            except SwarmError:  # a state that was put aside because it cannot be read
                continue
            if commit is not None:
                return TargetLanding(commit, mention.run, name)
        return TargetLanding(mention.commit, mention.run, "its signature") if self._is_signed(tips, mention) else None

    def _in_ledger(self, stored: Stored, target: CommitId, mention: Mention) -> CommitId | None:
        """Return the commit of the target by which a state says that the task has landed, None where it does not."""
        status = called(stored.statuses, mention.task)
        said = [status.landed_commit] if status is not None and status.run >= mention.run else []
        entries = [e for e in stored.entries.values() if e.task == mention.task and e.run >= mention.run]
        said += [e.candidate.commit for e in entries if e.candidate is not None and e.state in {"landing", "landed"}]
        is_ancestor = self._world.objects.is_ancestor
        commit = next((each for each in said if each is not None and is_ancestor(each, target)), None)
        if commit is not None:
            return commit
        is_its = any(e.session == mention.session and e.state == "landed" for e in entries)
        return mention.commit if is_its or self._is_archived(stored, mention) else None

    def _is_archived(self, stored: Stored, mention: Mention) -> bool:
        return mention.run == 1 and mention.task not in stored.statuses and mention.task in stored.archived

    def _tips(self) -> dict[str, CommitId]:
        """Return the states besides the present one: those that were put aside, and those of remotes."""
        refs, branch = self._world.objects.refs, self._world.repository.state_branch
        kept = refs(f"{paths.KEPT}/")
        fetched = {name: tip for name, tip in refs("refs/remotes/").items() if name.endswith(f"/{branch}")}
        return {**kept, **fetched}

    def _is_signed(self, tips: Mapping[str, CommitId], mention: Mention) -> bool:
        """Return whether a key of swarmgit's has signed the commit, as far as any state here lists its keys."""
        objects = self._world.objects
        heads = {self._world.state.head(), *tips.values()} - {None}
        blobs = {objects.resolve(f"{head}:{kinds.SIGNERS.place}") for head in heads} - {None}
        listed = b"".join(objects.blob(blob) for blob in blobs if blob is not None)
        signatures = self._world.engine.signatures
        known = listed + signatures.known()
        if not known:
            return False
        try:
            found = signatures.verify((mention.commit,), known).get(mention.commit)
        except SwarmError:  # nothing here can tell
            return False
        return found is not None and found.state == "good" and found.signer.endswith(f"@{trailers.AGENT_DOMAIN}")


def _run(mention: Mention) -> int:
    return mention.run
