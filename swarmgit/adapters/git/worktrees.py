"""Worktrees for sessions: leased, filled by the engine, captured, given back. ISOLATION.md, "A session's worktree"."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from swarmgit.adapters.git import capture, carry, filling, peek, pristine, private_git
from swarmgit.adapters.git.attributes import Attributes
from swarmgit.adapters.git.engine import mend
from swarmgit.adapters.git.findings import Limits
from swarmgit.adapters.git.persons import Person
from swarmgit.adapters.git.run import Git, GitFailed
from swarmgit.adapters.git.slots import Slot, SlotStore
from swarmgit.adapters.git.taking_in import take_in
from swarmgit.errors import PersonMustAct
from swarmgit.model.desired import WorktreeConfig
from swarmgit.model.git import Identity
from swarmgit.model.ids import CommitId, SessionId, TreeId
from swarmgit.model.intake import Intake
from swarmgit.model.work import Capture
from swarmgit.ports.worktrees import ALL, Lease

CPU_S_MAX, WALL_S_MAX = 120, 900.0
"""What each git call may use of the processor while work is taken in, and how long all of them may take."""
LOOK_CPU_S_MAX, LOOK_WALL_S_MAX = 2, 10.0
LOOK = capture.Label("work in progress", Identity("swarmgit", "swarmgit@localhost"), datetime(1970, 1, 1, tzinfo=UTC))
CARRY_CPU_S_MAX, CARRY_WALL_S_MAX = 20, 60.0
GATES = "gates"
"""The pool whose sessions run on work that may be refused."""


def no_fault(name: str) -> None:
    """Do nothing; the crash tests raise here."""


class GitWorktrees:
    """Implements `ports.Worktrees` on a folder outside the repository; `code_tree` strips `.swarm` from a tree."""

    def __init__(
        self,
        engine: Git,
        store: Path,
        person: Person,
        code_tree: Callable[[str], TreeId],
        fault: Callable[[str], None] = no_fault,
        resists: Callable[[Path, str], None] = lambda *_: None,
    ) -> None:
        """`resists` is told of what cannot be deleted or read any more, and why."""
        self._engine = engine
        self._attributes = Attributes(engine)
        self._person = person
        self._code_tree = code_tree
        self._fault = fault
        self._distrusted: set[Path] = set()
        self._slots = SlotStore(store, fault, resists)

    def lease(
        self, session: SessionId, commit: CommitId, config: WorktreeConfig, pool: str, only: Sequence[str] = ()
    ) -> Lease:
        """Return a worktree of exactly `commit`; the same one for the same session, recycled if one is free."""
        self._mend()
        held = self._slots.find(session)
        if held and held.state == "leased":
            if held.setup_commit is not None:  # the tree may have moved on, and set-up runs once more
                self._slots.write(replace(held, carried=True))
            return _lease(held)
        if held:  # killed half-way: a git that outlived it may still write there
            self._slots.discard(held)
        shared = tuple(filter(None, map(filling.plain, config.share)))
        wanted = Slot(Path(), "filling", commit, session, shared=shared)
        wanted = replace(wanted, setup_wanted=filling.setup_hash(self._engine, commit, config))
        if pool == GATES and wanted.setup_wanted is not None:
            wanted = replace(wanted, setup_commit=self._place_of_setup(wanted, config))
        wanted = replace(wanted, only=tuple(only), recyclable=not only)
        for each in filter(None, (wanted.commit, wanted.setup_commit)):
            self._attributes.check(each)
        before, slot = self._slots.claim(wanted, pool, self._preference(wanted), new=bool(only))
        if before.state == "free":
            try:
                return self._fill(before, slot, wanted, config)
            except (GitFailed, OSError):  # the last user left something that resists: a fresh one costs little
                self._slots.discard(slot)
                before, slot = self._slots.claim(wanted, pool, self._preference(wanted), new=True)
        try:
            return self._fill(before, slot, wanted, config)
        except (GitFailed, OSError):
            self._slots.discard(slot)
            raise

    def _fill(self, before: Slot, slot: Slot, wanted: Slot, config: WorktreeConfig) -> Lease:
        self._fault("worktree:claimed")
        kept = self._kept(before, wanted)
        outputs = kept.outputs if kept else ()
        if before.state == "free":
            if kept is None:
                pristine.drop(slot.folder)
            filling.clean(self._engine, self._slots, slot, (*wanted.shared, *outputs))
            self._fault("worktree:cleaned")
        first = None if kept else wanted.setup_commit
        slot = replace(slot, only=wanted.only, recyclable=wanted.recyclable, carried=False, setup_commit=first)
        filling.check_out(self._engine, slot)
        self._fault("worktree:checked-out")
        if kept is not None:
            pristine.put_back(slot.folder, lambda: filling.tracked(self._engine, slot))
            self._fault("worktree:put-back")
        included = filling.include(slot, self._person.top, config.include)
        self._fault("worktree:included")
        slot = replace(
            slot,
            state="leased",
            setup_hash=kept.setup if kept else None,
            included=included,
            shared=wanted.shared,
            outputs=outputs,
        )
        self._write_private_git(slot)
        self._fault("worktree:private-git")
        self._slots.write(slot)
        self._fault("worktree:leased")
        return _lease(slot)

    def _mend(self) -> None:
        mend(self._engine.git_dir, self._person.objects.parent, self._person.object_format)

    def _place_of_setup(self, wanted: Slot, config: WorktreeConfig) -> str | None:
        """Return the target, where the set-up of a commit that has not landed is the target's: there it runs on code
        that has landed, so that what it makes may serve every gate. None: it runs on the commit itself.
        """
        head = self._person.target.head()
        if head is None or head == wanted.commit or self._person.target.contains(wanted.commit):
            return None
        return head if filling.setup_hash(self._engine, head, config) == wanted.setup_wanted else None

    def _kept(self, slot: Slot, wanted: Slot) -> pristine.Kept | None:
        """Return what set-up made in a free slot, where the new lease may have it: what a tree's set-up makes is that
        tree's doing, so it serves that commit, and everybody once it has landed.
        """
        if slot.state != "free" or wanted.setup_wanted is None or slot.setup_hash != wanted.setup_wanted:
            return None
        kept = pristine.kept(slot.folder)
        if kept is None or kept.carried or kept.setup != wanted.setup_wanted:
            return None
        return kept if kept.commit == wanted.commit or self._person.target.contains(kept.commit) else None

    def _preference(self, wanted: Slot) -> Callable[[Slot], int]:
        """Return the rank of a free slot, the lowest first: its set-up is worth most, then the files it has already."""

        def rank(slot: Slot) -> int:
            lacks_setup = wanted.setup_wanted is not None and self._kept(slot, wanted) is None
            return 2 * lacks_setup + (slot.commit != wanted.commit)

        return rank

    def _write_private_git(self, slot: Slot) -> None:
        session = str(slot.session)
        private = private_git.PrivateGit(
            branch=f"swarm/{session}",
            commit=slot.commit,
            objects=self._person.objects,
            author=Identity(f"agent of {session}", f"{session}@swarmgit.invalid"),
            object_format=self._person.object_format,
            hidden=slot.kept,
            excludes=self._person.excludes,
        )
        with tempfile.TemporaryDirectory(dir=slot.folder, prefix="work-") as made:
            folder = Path(made, "git")
            private_git.write(folder, private, slot.index)
            private_git.bring_objects(self._engine, folder, slot.commit, is_there=self._person.has(slot.commit))
            folder.rename(slot.tree / ".git")

    def carry(self, session: SessionId, base: CommitId, commit: CommitId, paths: Sequence[str]) -> tuple[str, ...]:
        """Put the difference that `commit` made to its parent, for `paths` only, into the leased worktree."""
        slot = replace(self._held(session), carried=True)
        self._slots.write(slot)
        return carry.carry(self._engine.bounded(CARRY_CPU_S_MAX, CARRY_WALL_S_MAX), slot, base, commit, paths)

    def capture(
        self, session: SessionId, message: str, author: Identity, at: datetime, intake: Intake = ALL
    ) -> Capture:
        """Snapshot the leased worktree as one commit on the commit it was filled with; `gate_inputs` stays empty."""
        self._mend()
        slot = self._held(session)
        git = self._engine.bounded(CPU_S_MAX, WALL_S_MAX)
        limits = Limits(intake=intake, excludes=self._person.excludes)
        taken = take_in(git, slot, capture.Label(message, author, at), self._fault, limits)
        if taken.objections and slot.recyclable:
            self._distrust(slot)
        return replace(taken, code_tree=self._code_tree(taken.commit))

    def look(self, session: SessionId) -> Capture:
        """Snapshot a worktree that somebody works in; OutOfTime where that takes more than some seconds."""
        self._mend()
        limits = Limits(patterns_cpu_s=LOOK_CPU_S_MAX, excludes=self._person.excludes, besides=False)
        return capture.capture(self._quick, self._held(session), LOOK, lambda _: None, limits)

    @property
    def _quick(self) -> Git:
        return self._engine.bounded(LOOK_CPU_S_MAX, LOOK_WALL_S_MAX)

    def rescue(self, session: SessionId, message: str, author: Identity, at: datetime) -> Capture:
        """Snapshot all files of the leased worktree as a commit without a parent; its index is not used again."""
        self._mend()
        slot = replace(self._held(session), recyclable=False)
        self._slots.write(slot)
        taken = capture.rescue(self._engine.bounded(CPU_S_MAX, WALL_S_MAX), slot, capture.Label(message, author, at))
        return replace(taken, code_tree=self._code_tree(taken.commit))

    def given(self, config: WorktreeConfig) -> str:
        """Return a hash of what a gate's worktree gets besides the commit; its caches (`share`) are none of it."""
        included = [filling.content_hash(self._person.top, path) for path in config.include]
        text = json.dumps([config.setup, config.setup_key, config.include, included])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def agent_message(self, session: SessionId) -> str | None:
        """Return the message of the agent's own last commit, None where it made none that can be read."""
        slot = self._held(session)
        return private_git.agent_message(slot.tree / ".git", slot.commit)

    def before(self, session: SessionId, path: str) -> bytes:
        """Return what a file held in the commit that the worktree was filled with; b'' where it was not there."""
        done = self._engine.call("cat-file", "blob", f"{self._held(session).commit}:{path}")
        return done.stdout if done.returncode == 0 else b""

    def live_diff(self, session: SessionId) -> str:
        return peek.live_diff(self._engine, self._held(session))

    def live_files(self, session: SessionId, folder: Path) -> None:
        peek.live_files(self._engine, self._held(session), folder)

    def path(self, session: SessionId) -> Path | None:
        """Return where a session's files are, None when it has no lease."""
        slot = self._slots.find(session)
        return slot.tree if slot and slot.state == "leased" else None

    def leases(self) -> dict[SessionId, Path]:
        """Return every session that has a worktree, and where."""
        return {SessionId(str(slot.session)): slot.tree for slot in self._slots.all() if slot.state == "leased"}

    def release(self, session: SessionId, *, discard: bool = False) -> None:
        """Give the worktree back for reuse; `discard` when it must not be reused. Without a lease: nothing."""
        slot = self._slots.find(session)
        if slot is None:
            return
        self._fault("worktree:release")
        if discard or slot.state != "leased" or not slot.recyclable or slot.folder in self._distrusted:
            self._slots.discard(slot)
        else:
            self._give_back(slot)
        self._fault("worktree:released")

    def _distrust(self, slot: Slot) -> None:
        """Note that a slot serves nobody else; where its disk is full, as long as this process lives."""
        self._distrusted.add(slot.folder)
        with suppress(OSError):
            self._slots.write(replace(slot, recyclable=False))

    def _give_back(self, slot: Slot) -> None:
        try:
            self._slots.write(replace(slot, state="free", session=None, setup_wanted=None))
        except OSError:  # its disk is full: a slot that goes makes room
            self._slots.discard(slot)

    def setup_done(self, session: SessionId, outputs: Sequence[str] | None = None) -> None:
        """Remember that the set-up commands have succeeded, and what they made: kept for the next, never captured.

        `outputs`: the untracked paths as they were before the agent's program started. Without it the agent may have
        worked already, so only what git ignores counts: a new file of the agent's is never taken for set-up.
        """
        slot = self._held(session)
        if slot.setup_hash == slot.setup_wanted:
            return
        apart = {*slot.included, *slot.shared}
        made = filling.ignored(self._quick, slot) if outputs is None else map(filling.plain, outputs)
        kept = tuple(path for path in made if path and path not in apart)
        self._slots.write(replace(slot, setup_hash=slot.setup_wanted, outputs=kept))

    def commits(self) -> frozenset[CommitId]:
        """Return the commits of all slots, leased, free or being filled."""
        return frozenset(CommitId(slot.commit) for slot in self._slots.all())

    def gc(self, keep: int) -> None:
        """Delete what was thrown away, and of each pool the free slots beyond the `keep` last used."""
        self._slots.gc(keep)

    def _held(self, session: SessionId) -> Slot:
        slot = self._slots.find(session)
        if slot is None or slot.state != "leased":
            raise PersonMustAct(
                f"session {session} has no worktree", hint="swarmgit status shows which sessions have one"
            )
        return slot


def _lease(slot: Slot) -> Lease:
    return Lease(
        session=SessionId(str(slot.session)),
        tree=slot.tree,
        needs_setup=slot.setup_wanted is not None and slot.setup_hash != slot.setup_wanted,
        keep_setup=(sys.executable, "-I", "-S", "-B", pristine.__file__, str(slot.folder)),
    )
