"""Landing: the target moves by compare-and-swap, and its checkouts follow, or nothing happens at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.checkouts import Checkout, find_checkouts, main_top, work_in_progress
from swarmgit.adapters.git.follow import PRIVATE, Step, read_mark
from swarmgit.adapters.git.following import Following
from swarmgit.adapters.git.loose import write_file
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.opened import is_open
from swarmgit.adapters.git.others import end_holders
from swarmgit.adapters.git.pathdiff import Change, changed_files
from swarmgit.adapters.git.refs import RefChange, RefRefused, RefWriter, move_own
from swarmgit.adapters.git.run import OutOfTime, persons_environment
from swarmgit.adapters.git.traces import traces
from swarmgit.adapters.git.transfer import Transfer
from swarmgit.documents.paths import CANDIDATE, branch_ref
from swarmgit.errors import SwarmError, TryLater
from swarmgit.model.checkouts import Behind, IndexLock
from swarmgit.model.ids import CommitId
from swarmgit.model.landings import InTheWay, Landed, Moved

INTENT = "landing.json"
MOVE_TRIES_MAX = 10
STACK_MAX = 1000


class Intent(Struct, frozen=True):
    """What `landing.json` says while a landing is under way; `made`: the file's time, by the file system's clock.

    Whose it is need not be asked: who reads it holds the reconciler's lock, which also the children of a killed one
    hold, so nobody who could have written it is at work any more.
    """

    ref: str
    old: CommitId
    new: CommitId
    made: float


class GitLanding:
    """ports.Landing. One process at a time (the one that holds the reconciler's lock) may use it.

    `environ`: the person's environment, for the files of their checkouts. `fault` is called between the steps.
    """

    def __init__(
        self,
        objects: GitObjects,
        transfer: Transfer,
        live: Path,
        environ: Mapping[str, str],
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._objects = objects
        self._transfer = transfer
        self._intent = live / INTENT
        self._environ = persons_environment(environ)
        self._following = Following(live, self._environ, self._changes)
        self._fault = fault
        self._common_dir = objects.git.git_dir
        self._target_refs = RefWriter(objects.git, reason="swarmgit: land")
        self._own_refs = RefWriter(objects.git)
        self._top: Path | None = None
        self._top_known = False
        self._turn = threading.Lock()

    def publish(self, ref: str, commit: CommitId, target_head: CommitId, works: Sequence[CommitId] = ()) -> None:
        _check_candidate(ref)
        if self._objects.ref(ref) != commit:
            with self._transfer.bringing(commit, (target_head,), works):
                self._fault("landing: candidate brought")
                move_own(self._own_refs, self._common_dir, [RefChange(ref, commit)], len(commit))

    def land(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        if not self._continues(old, new):
            raise ValueError(f"{old} is not on the first-parent line of {new}: it cannot land there")
        return self.follow(target, old, new)

    def follow(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        with self._turn:
            return self._follow(target, old, new)

    def _follow(self, target: str, old: CommitId, new: CommitId) -> Landed | Moved | InTheWay:
        ref = branch_ref(target)
        if self._is_unfinished():
            self._heal(target)
        now = self._objects.ref(ref)
        if now is not None and self._objects.is_ancestor(new, now):
            return Landed()
        if now != old:
            return Moved()
        if not self._objects.is_ancestor(old, new):
            raise ValueError(f"{new} does not contain {old}: that would not be forward")
        checkouts = self._checkouts()
        for checkout in checkouts:
            if busy := work_in_progress(checkout, ref):
                return InTheWay(str(checkout.top), (busy,))
        self._record(ref, old, new)
        self._fault("landing: recorded")
        steps = [self._step(c, old, new) for c in checkouts if c.head == ref and c.index.exists()]
        return self._carry_out(ref, steps, checkouts, (old, new))

    def traces(self, target: str, checkout: str, paths: Sequence[str]) -> str:
        git_dir = next((each.git_dir for each in self._checkouts() if str(each.top) == checkout), None)
        return traces(self._objects, git_dir, Path(checkout), self._objects.ref(branch_ref(target)), paths)

    def heal(self, target: str) -> None:
        with self._turn:
            self._heal(target)

    def _heal(self, target: str) -> None:
        self._target_refs.close()
        intent = self._read_intent()
        if intent is not None:
            self._drop_ref_locks(intent)
        for checkout in self._checkouts():
            lock = checkout.index.with_name("index.lock")
            mark = read_mark(lock)
            if mark is None:
                if intent is not None:
                    _drop_if_ours(lock, {""}, intent)  # claimed where there are no hard links, not yet signed
                continue
            step = self._step(checkout, *mark)
            end_holders(checkout.index.parent.glob(f"{PRIVATE}*.lock"))
            ref = checkout.head or branch_ref(target)
            now = self._objects.ref(ref)
            if now is not None and self._objects.is_ancestor(step.new, now) and checkout.index.exists():
                self._following.bring(step)
                self._fault("landing: healed")
            step.unlock()
        self._intent.unlink(missing_ok=True)
        self._following.hurry()

    def locks(self, target: str) -> tuple[IndexLock, ...]:
        found = []
        for checkout in self._checkouts():
            lock = checkout.index.with_name("index.lock")
            if checkout.head == branch_ref(target) and lock.exists():
                with suppress(OSError):
                    since = datetime.fromtimestamp(lock.stat().st_mtime, UTC)
                    found.append(IndexLock(str(lock), since, is_open(lock)))
        return tuple(found)

    def behind(self) -> tuple[Behind, ...]:
        return self._following.behind()

    def hurry(self) -> None:
        self._following.hurry()

    def catch_up(self, now: datetime) -> None:
        with self._turn:  # a landing that is under way has not broken off
            intent = self._read_intent()
            if intent is not None:  # what broke off after the target had moved: no other landing may come
                self._heal(intent.ref.removeprefix(branch_ref("")))
        self._following.catch_up(now, self._checkouts)

    def close(self) -> None:
        """End the git processes."""
        self._target_refs.close()
        self._own_refs.close()

    def _carry_out(
        self, ref: str, steps: list[Step], checkouts: list[Checkout], ends: tuple[CommitId, CommitId]
    ) -> Landed | Moved | InTheWay:
        """Lock, look, move, follow. An expected failure undoes the locks; a crash leaves them for `heal`."""
        old, new = ends
        locked: list[Step] = []
        try:
            answer = self._prepare(steps, locked) or self._move(ref, old, new)
        except (SwarmError, OSError):
            self._give_up(locked)
            raise
        if answer is not None:
            self._give_up(locked)
            return answer
        self._fault("landing: moved")
        late = [self._step(c, old, new) for c in self._came_late(ref, checkouts)]
        locked.extend(step for step in late if step.lock() and self._can_follow_late(step))
        followed = []
        for step in locked:
            if self._following.bring(step):
                followed.append(str(step.checkout.top))
            self._fault("landing: followed")
            step.unlock()
            self._fault("landing: unlocked")
        for step in late:
            if read_mark(step.lock_path) == ends:
                step.unlock()
        self._intent.unlink(missing_ok=True)
        return Landed(tuple(followed))

    def _can_follow_late(self, step: Step) -> bool:
        with suppress(SwarmError, OSError):  # the target has moved: nothing of a checkout's undoes that
            return not step.in_the_way(self._changes(step.old, step.new), is_late=True)
        return False

    def _prepare(self, steps: list[Step], locked: list[Step]) -> InTheWay | None:
        """Take each checkout's lock (noted in `locked`) and make sure that it can follow."""
        for step in steps:
            if not step.lock():
                return InTheWay(str(step.checkout.top), ("index.lock",))
            locked.append(step)
            self._fault("landing: locked")
            changes = self._changes(step.old, step.new)
            try:
                edited = step.in_the_way(changes)
            except OutOfTime:  # it has limits only where its owner's filters are asked what is an edit
                return InTheWay(str(step.checkout.top), step.filtered(changes), is_hung=True)
            if edited:
                return InTheWay(str(step.checkout.top), edited)
            self._fault("landing: looked")
        return None

    def _move(self, ref: str, old: CommitId, new: CommitId) -> Moved | None:
        for attempt in range(MOVE_TRIES_MAX):
            try:
                self._target_refs.move([RefChange(ref, new, old)], len(new))
            except RefRefused as refused:
                now = self._objects.ref(ref)
                if now != old:
                    return Moved()
                reason = refused
                time.sleep(0.01 * attempt)
            else:
                return None
        raise TryLater(reason.message, f"git log -1 {ref}") from reason

    def _give_up(self, locked: list[Step]) -> None:
        for step in locked:
            step.unlock()
        self._intent.unlink(missing_ok=True)

    def _came_late(self, ref: str, checkouts: list[Checkout]) -> list[Checkout]:
        """Return the checkouts that have switched to the target since we looked."""
        before = {checkout.git_dir for checkout in checkouts if checkout.head == ref}
        return [c for c in self._checkouts() if c.head == ref and c.git_dir not in before and c.index.exists()]

    def _continues(self, old: CommitId, new: CommitId) -> bool:
        """Return whether the first-parent line of `new` leads to `old` within the length of a batch."""
        at = new
        for _ in range(STACK_MAX):
            parents = self._objects.commit(at).parents
            if not parents or parents[0] == old:
                return bool(parents)
            at = parents[0]
        return False

    def _is_unfinished(self) -> bool:
        """Return whether anything is there of a landing that was broken off: its intent, or a lock with our mark."""
        return self._intent.exists() or any(
            read_mark(checkout.index.with_name("index.lock")) is not None for checkout in self._checkouts()
        )

    def _checkouts(self) -> list[Checkout]:
        if not self._top_known:
            self._top, self._top_known = main_top(self._objects.git), True
        return find_checkouts(self._objects.git, self._top)

    def _step(self, checkout: Checkout, old: CommitId, new: CommitId) -> Step:
        return Step(checkout, self._environ, old, new)

    def _changes(self, old: CommitId, new: CommitId) -> dict[str, Change]:
        return changed_files(self._objects, self._objects.commit(old).tree, self._objects.commit(new).tree)

    def _record(self, ref: str, old: CommitId, new: CommitId) -> None:
        content = {"version": 1, "ref": ref, "old": old, "new": new}
        write_file(self._intent, json.dumps(content).encode())

    def _read_intent(self) -> Intent | None:
        try:
            found = json.loads(self._intent.read_bytes())
            made = self._intent.stat().st_mtime
            return Intent(found["ref"], found["old"], found["new"], made)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _drop_ref_locks(self, intent: Intent) -> None:
        """Remove the locks of the target and of HEAD that a killed `update-ref` of exactly this landing left."""
        for name, contents in ((intent.ref, {"", intent.new}), ("HEAD", {""})):
            _drop_if_ours(self._common_dir / f"{name}.lock", contents, intent)


def _drop_if_ours(lock: Path, contents: AbstractSet[str], intent: Intent) -> None:
    """Remove a lock that holds what ours would, was made during a landing, and that nobody has open."""
    try:
        ours = lock.read_text(errors="replace").strip() in contents and lock.stat().st_mtime >= intent.made
    except OSError:
        return
    if ours and not is_open(lock):
        lock.unlink(missing_ok=True)


def _check_candidate(ref: str) -> None:
    if not ref.startswith(f"{CANDIDATE}/"):
        raise ValueError(f"a candidate's ref is under {CANDIDATE}/, not {ref}")
