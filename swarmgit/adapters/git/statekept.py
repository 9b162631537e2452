"""What keeps the state branch alive: a second ref and its reflog. Gone, broken and replaced are told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from swarmgit.adapters.git.loose import write_file
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.refs import OID, RefChange, RefRefused, RefWriter, drop_broken, drop_stale_lock, move_own
from swarmgit.adapters.git.statebranch import is_state
from swarmgit.documents.paths import (
    KEPT_STATE,
    LIVE,
    STATE_HEAD,
    branch_ref,
    kept_state_ref,
)
from swarmgit.errors import PersonMustAct, StateLost, StateReplaced, StateTaken, SwarmError, TryLater
from swarmgit.model.git import PutBack
from swarmgit.model.ids import CommitId
from swarmgit.state import kinds

CANDIDATES_MAX = 200
"""How many earlier commits are looked at for one that is whole."""

COLD = (f"{kinds.ARCHIVE}/", f"{kinds.EVENTS.place}/")
"""Files that a tick does not read: one of them that is missing stops nothing."""

CHOICES = "swarmgit state reset kept (what was written here), or: swarmgit state reset present (what is there now)"


class KeptState:
    """The state branch by name, and the ref that keeps its last commit.

    The branch moves first and the kept ref after it, so that what is kept is always contained in the branch, whenever
    a kill comes: where it is not, somebody else has moved the branch. A person's reset moves them the other way round.
    """

    def __init__(self, objects: GitObjects, branch: str, fault: Callable[[str], None] = lambda _: None) -> None:
        self._objects = objects
        self._branch = branch
        self._ref = branch_ref(branch)
        self._fault = fault
        self._common_dir: Path = objects.git.git_dir
        self._branch_refs = RefWriter(objects.git, reason="swarmgit: state", is_logged=True)
        self._own_refs = RefWriter(objects.git)
        self._is_checked = False
        self._note = self._common_dir / LIVE / STATE_HEAD

    def local(self) -> CommitId | None:
        """Return the branch's commit, None where there is none.

        StateLost: it was there and is not, or cannot be read. StateReplaced: it lacks what was last written here.
        StateTaken: it is a person's branch.
        """
        local, kept = self._both()
        if local is None:
            why = self._loss(kept)
            if why is None:
                return None
            local = self._at(self._ref)  # the first commit may just have come
            if local is None:
                raise StateLost(why, "swarmgit reconcile puts it back; to begin anew: swarmgit state reset empty")
        if kept is not None and self._objects.is_ancestor(kept, local):
            return local
        self._require_own(local)
        if kept is not None:
            raise StateReplaced(
                f"branch {self._branch} was rewound or replaced: it is at {local[:12]}, which does not contain"
                f" {kept[:12]}, the last that was written here",
                CHOICES,
            )
        return local

    def move(self, new: CommitId, old: CommitId | None) -> None:
        """Move the branch from `old` (None: it must not exist), or raise RefRefused; then what is kept follows."""
        self._branch_refs.move([RefChange(self._ref, new, old or "")], len(new))
        self._fault("state: ref moved")
        self._keep(new)

    def put_back(self) -> PutBack | None:
        """Put the last good commit back where the branch is gone, or something that a tick reads of it is missing."""
        local, kept = self._both()
        if local is not None and (self._is_checked or self._is_whole(local)):
            self._is_checked = True  # once in our life: from then on we know what we wrote
            return None
        why = self._loss(kept) if local is None else f"branch {self._branch}: files of {local[:12]} cannot be read"
        if why is None:
            return None
        if local is not None:
            self._require_own(local)
        good = next((each for each in self._earlier(local, kept) if self._is_whole(each)), None)
        if good is None:
            raise StateLost(f"{why}, and no earlier state is whole", "to begin anew: swarmgit state reset empty")
        if local is not None:  # what can still be read of it says what has landed
            self._move_own(kept_state_ref(local), local)
        self._force(good)
        return PutBack(good, why)

    def reset(self, to: Literal["kept", "present", "empty"] | CommitId) -> CommitId | None:
        """Move the branch as a person says; what it was, and what was kept, stays under refs of its own."""
        local, kept = self._both()
        if local is not None:
            self._require_own(local)
        goal = {"kept": kept, "present": local, "empty": None}.get(to, CommitId(to))
        if goal is None and to != "empty":
            raise PersonMustAct(f"there is no {to} state of branch {self._branch} to go on from", "swarmgit reconcile")
        for former in {local, kept} - {None, goal}:
            assert former is not None
            self._move_own(kept_state_ref(former), former)
        self._take_note(goal)
        self._move_own(KEPT_STATE, goal)
        self._fault("state: kept as a person says")
        self._force(goal)
        return goal

    def close(self) -> None:
        """End the git processes."""
        self._branch_refs.close()
        self._own_refs.close()

    def _both(self) -> tuple[CommitId | None, CommitId | None]:
        """Return the branch's commit and the kept one, which is read first: so none that moves both comes in between
        and makes the branch look rewound."""
        kept = self._kept()
        return self._at(self._ref), kept

    def _require_own(self, local: CommitId) -> None:
        """Raise StateTaken for a branch of a person's: it is neither read as state nor written."""
        if not is_state(self._objects, local):
            name = self._branch
            raise StateTaken(
                f"the branch {name} is a person's, and swarmgit's state has to have a branch of its own",
                f"git branch -m {name} {name.replace('/', '-')}-mine",
            )

    def _kept(self) -> CommitId | None:
        """Return what was written last, by the ref or by a note of it that no fetch takes back or prunes."""
        noted, kept = self._noted(), self._at(KEPT_STATE)
        if noted is None or noted == kept or self._at(noted) != noted:
            return kept
        return kept if kept is not None and self._objects.is_ancestor(noted, kept) else noted

    def _noted(self) -> CommitId | None:
        try:
            text = self._note.read_text("ascii", "replace").strip()
        except OSError:
            return None
        return CommitId(text) if OID.fullmatch(text) else None

    def _take_note(self, commit: CommitId | None) -> None:
        """Keep the last commit outside of the refs, where there is a live folder. It may lag, and be lost."""
        with suppress(OSError):
            if commit is None:
                self._note.unlink(missing_ok=True)
            elif self._note.parent.is_dir():
                write_file(self._note, f"{commit}\n".encode())

    def _at(self, ref: str) -> CommitId | None:
        """Return the commit of a ref; None where there is none, or it cannot be read."""
        try:
            return self._objects.ref(ref)
        except TryLater:  # a damaged object ends git's answer
            return None

    def _keep(self, commit: CommitId) -> None:
        """Let the kept ref follow. Where it is locked it stays behind, which is no harm, and follows the next time."""
        self._take_note(commit)
        try:
            self._own_refs.move([RefChange(KEPT_STATE, commit)], len(commit))
        except RefRefused:
            drop_broken(self._common_dir, KEPT_STATE)
            drop_stale_lock(self._common_dir / f"{KEPT_STATE}.lock")

    def _loss(self, kept: CommitId | None) -> str | None:
        """Return in words what is wrong with a branch that names no commit, None where there never was one."""
        named = self._named()
        if named is not None:
            return f"branch {self._branch} cannot be read: its commit {named[:12]} is missing or damaged"
        if (self._common_dir / self._ref).is_file():
            return f"branch {self._branch} cannot be read: its file names no commit"
        return f"branch {self._branch} is gone; its last commit was {kept[:12]}" if kept is not None else None

    def _named(self) -> str | None:
        """Return the id that the branch's file names, whether or not there is such an object."""
        done = self._objects.git.call("rev-parse", "--quiet", "--verify", self._ref)
        return done.stdout.decode().strip() or None

    def _earlier(self, local: CommitId | None, kept: CommitId | None) -> Iterator[CommitId]:
        """Yield earlier commits of the branch, the newest first, each once, at most `CANDIDATES_MAX`."""
        seen: set[str] = set()
        for start in (*self._logged(), kept, local):
            for commit in self._line(start) if start is not None else ():
                if len(seen) >= CANDIDATES_MAX:
                    return
                if commit not in seen:
                    seen.add(commit)
                    yield commit

    def _line(self, start: CommitId) -> tuple[CommitId, ...]:
        try:
            return self._objects.line(start, CANDIDATES_MAX)
        except SwarmError:  # a damaged object ends git's answer
            return ()

    def _logged(self) -> tuple[CommitId, ...]:
        """Return what the branch's reflog says, the newest first; nothing where there is none."""
        try:
            lines = (self._common_dir / "logs" / self._ref).read_text("utf-8", "replace").splitlines()
        except OSError:
            return ()
        fields = (line.split(" ", 2) for line in reversed(lines[-CANDIDATES_MAX:]))
        return tuple(CommitId(each[1]) for each in fields if len(each) == 3)

    def _is_whole(self, commit: CommitId) -> bool:
        """Return whether a commit, its trees, and the files that a tick reads are there."""
        try:
            files = self._objects.walk(self._objects.commit(commit).tree)
            hot = [entry.oid for path, entry in files.items() if not path.startswith(COLD)]
            return all(self._objects.kind(oid) == "blob" for oid in hot)
        except (SwarmError, ValueError):
            return False

    def _force(self, goal: CommitId | None) -> None:
        """Move the branch to `goal` (None: away) from whatever it is now, be its file readable or not."""
        if goal is not None:
            self._take_note(goal)
            self._move_own(KEPT_STATE, goal)
        for _ in range(2):
            try:
                self._branch_refs.move([RefChange(self._ref, goal, self._named() or "")], len(goal or "0" * 40))
            except RefRefused as refused:
                reason = refused
                if self._named() is None:
                    (self._common_dir / self._ref).unlink(missing_ok=True)  # a file that names nothing
                drop_stale_lock(self._common_dir / f"{self._ref}.lock")
            else:
                return
        raise TryLater(reason.message, f"git log -1 {self._branch}") from reason

    def _move_own(self, ref: str, commit: CommitId | None) -> None:
        if commit is not None or self._objects.ref(ref) is not None:
            move_own(self._own_refs, self._common_dir, [RefChange(ref, commit)], len(commit or "0" * 40))
