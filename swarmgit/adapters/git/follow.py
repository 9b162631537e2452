"""Bringing one checkout along with its branch, under the lock of its index."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

from swarmgit.adapters.git.checkout_files import facts_of, overlaps, remove, what_is_there
from swarmgit.adapters.git.checkouts import Checkout
from swarmgit.adapters.git.hidden import Marked, put_on, take_off
from swarmgit.adapters.git.links import claim, second_name
from swarmgit.adapters.git.pathdiff import Change
from swarmgit.adapters.git.rendering import filtered, unrenderable
from swarmgit.adapters.git.run import Git, GitFailed, OutOfTime
from swarmgit.model.ids import CommitId

LOCK_WAIT_S = 0.3
FILTERS_S_MAX, FILTERED_BYTES_A_S, CPU_S_MAX = 10.0, 20 << 20, 600
"""A filter of the person's may hang: git has so long for a look at files that have one, and longer for large ones."""

REFRESH_S_MAX = 60.0
"""The same for all files that only look touched, whatever their number."""

MARK, PRIVATE = "swarmgit", "index.swarmgit"
NAMED_MAX = 200
NO_PRELOAD = ("-c", "core.preloadIndex=false")


class Step(Struct, frozen=True):
    """One checkout's way from `old` to `new`, under the lock of its index. All methods may be repeated.

    `environ`: the person's; the files of their checkout are written under their own settings, hooks excepted.
    """

    checkout: Checkout
    environ: Mapping[str, str]
    old: CommitId
    new: CommitId
    _seen: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    """The files as they were when `in_the_way` found them unedited: the licence to write them without asking again."""
    _marked: dict[str, Marked] = field(default_factory=dict)

    @property
    def lock_path(self) -> Path:
        return self.checkout.index.with_name("index.lock")

    @property
    def _private(self) -> Path:
        """The index that our git works on: of this process alone, as the git of a killed one may still be at work."""
        return self.checkout.index.with_name(f"{PRIVATE}-{os.getpid()}")

    def lock(self, wait_s: float = LOCK_WAIT_S) -> bool:
        """Take the index's lock, which keeps other git commands out; False where someone else holds it."""
        mark = f"{MARK} {self.old} {self.new} {os.getpid()}\n"
        deadline = time.monotonic() + wait_s
        while not claim(self.lock_path, mark.encode(), self.checkout.git_dir):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        try:
            self._copy_index()
        except BaseException:  # a full disk: a lock that the caller never hears of would stay
            self.unlock()
            raise
        return True

    def unlock(self) -> None:
        """Leave the index as it is and let others in."""
        try:
            self._drop_private()
        finally:
            self.lock_path.unlink(missing_ok=True)

    def in_the_way(self, changes: Mapping[str, Change], *, is_late: bool = False) -> tuple[str, ...]:
        """Return the paths whose local edits keep this checkout from following; none: it can. Changes nothing.

        `is_late`: its branch has moved already.
        """
        self._show_marked(changes)
        untracked = self._untracked_in_the_way(changes)
        written = self._written(untracked, changes) if is_late else set()
        if untracked - written:
            return tuple(sorted(untracked - written))
        if not is_late and self._is_small(changes):
            seen = {path: facts_of(self.checkout.top / path) for path in changes}
            edited = self._edited(changes)
            self._seen.update({} if edited else seen)
            return tuple(sorted(edited))
        found = self._try_read_tree(changes)
        written |= self._written(found, changes) if is_late else set()
        return tuple(path for path in found if path not in written and not (path == "index" and written))

    def _written(self, paths: Collection[str], changes: Mapping[str, Change]) -> set[str]:
        """Return the files that a `follow` which broke off has written, without their place in the index."""
        return {path for path in paths if path in changes and self._is_ours(path, changes[path])}

    def filtered(self, changes: Mapping[str, Change]) -> tuple[str, ...]:
        """Return the paths that have a filter."""
        return filtered(self._theirs(), self.checkout.top, sorted(changes))

    def _bounded(self, changes: Mapping[str, Change] | None = None) -> Git:
        """Return their git with limits, for what runs filters and may be left undone or tried again."""
        sizes = sum(facts[2] for path in changes or () if (facts := facts_of(self.checkout.top / path)))
        return self._theirs().bounded(CPU_S_MAX, FILTERS_S_MAX + sizes / FILTERED_BYTES_A_S)

    def _is_small(self, changes: Mapping[str, Change]) -> bool:
        """Return whether git may be given the paths by name, which costs far less than comparing whole trees."""
        gitlinks = any(side is not None and side.kind == "commit" for change in changes.values() for side in change)
        return (
            len(changes) <= NAMED_MAX and not gitlinks and not (self.checkout.git_dir / "info/sparse-checkout").exists()
        )

    def _edited(self, changes: Mapping[str, Change]) -> set[str]:
        """Return those of the paths (or what lies below) that differ from HEAD in the index or in the files."""
        options = ("--porcelain=v2", "-z", "--no-renames", "--untracked-files=no", "--no-ahead-behind")
        command = (*NO_PRELOAD, "status", *options, "--", *changes)
        git = self._bounded(changes) if self.filtered(changes) else self._theirs()
        done = git.out(*command, cwd=self.checkout.top)
        lines = done.decode("utf-8", "surrogateescape").split("\0")
        return {line.split(" ", 10 if line[0] == "u" else 8)[-1] for line in lines if line[:2] in {"1 ", "u "}}

    def _try_read_tree(self, changes: Mapping[str, Change]) -> tuple[str, ...]:
        trial = self._git("read-tree", "-m", "-u", "-n", self.old, self.new)
        if trial:
            self._refresh()
            trial = self._git("read-tree", "-m", "-u", "-n", self.old, self.new)
        if not trial:
            return ()
        edited = self._names("diff-index", "--cached", self.old) | self._names("diff-files")
        related = {path for path in edited if path in changes or overlaps(path, changes)}
        return tuple(sorted(related)) or ("index",)

    def follow(self, changes: Mapping[str, Change]) -> dict[str, str]:
        """Bring files and index along. An edit that a person made meanwhile stays, as an edit of the new content.

        Return the files that could not be written, with git's words; they are as they were.
        """
        self._copy_index()
        self._show_marked(changes)
        failing = unrenderable(self._theirs(), self.checkout.top, self.new, changes)
        is_done = not failing and (self._write_named(changes) or not self._read_tree())
        if not is_done:
            self._copy_index()
            self._show_marked(changes)
            failing = self._settle(changes, failing)
        self._replace_index(changes)
        return failing

    def _read_tree(self) -> str:
        return self._git("read-tree", "-m", "-u", self.old, self.new)

    def catch_up(self, changes: Mapping[str, Change], paths: Collection[str]) -> dict[str, str]:
        """Write files that `follow` could not; what a person has edited meanwhile is theirs. Return those that fail."""
        self._copy_index()
        self._show_marked(changes)
        wanted = {path: change for path, change in changes.items() if path in paths}
        failing = unrenderable(self._theirs(), self.checkout.top, self.new, wanted)
        self._refresh()
        anew = [
            path
            for path in sorted(self._names("diff-files") & wanted.keys() - failing.keys())
            if self._is_ours(path, wanted[path])
        ]
        failing |= self._write_files(anew)
        self._refresh()
        self._replace_index(changes)
        return failing

    def _replace_index(self, changes: Mapping[str, Change]) -> None:
        """Let the index that we worked on take the place of theirs."""
        if marked := self._marked.get("marked"):
            put_on(self._theirs(), self.checkout.top, marked, lambda path: changes[path][1] is not None)
        self._private.replace(self.checkout.index)

    def _show_marked(self, changes: Mapping[str, Change]) -> None:
        """Let git see the files that it was told not to look at; under the lock nobody marks others meanwhile."""
        if self._marked.get("marked") != Marked():
            self._marked["marked"] = take_off(self._theirs(), self.checkout.top, changes)

    def _write_named(self, changes: Mapping[str, Change]) -> bool:
        """Write exactly the changed files, if they are still as `in_the_way` saw them; False: nothing was done."""
        if not self._seen or any(facts_of(self.checkout.top / path) != facts for path, facts in self._seen.items()):
            return False
        self._seen.clear()
        options = ("--source", self.new, "--staged", "--worktree", "--no-overlay")
        if self._git("restore", *options, "--", *changes):
            self._copy_index()
            self._show_marked(changes)
            return False
        return True

    def _settle(self, changes: Mapping[str, Change], failing: dict[str, str]) -> dict[str, str]:
        """Finish what a killed `read-tree -u` left half done: what is certainly not a person's edit is written anew.

        `failing`: what cannot be written, and why; returned with what else cannot be.
        """
        self._refresh()
        edited = self._names("diff-files")
        if refused := self._git("read-tree", "-i", "-m", self.old, self.new):
            raise GitFailed(("read-tree", self.old, self.new), 1, refused)
        anew = []
        for path, (before, after) in changes.items():
            file = self.checkout.top / path
            touched = path in edited or (before is None and os.path.lexists(file))
            if after is None:
                if not touched:
                    remove(file, self.checkout.top)
            elif after.kind == "blob" and path not in failing and (not touched or self._is_ours(path, (None, after))):
                anew.append(path)
        failing |= self._write_files(anew)
        self._refresh()
        return failing

    def _write_files(self, paths: Sequence[str]) -> dict[str, str]:
        """Write files as the index has them; return those that cannot be written, with git's words."""
        names = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        options = ("-f", "-u", "-z", "--stdin")
        if not names or not self._git("checkout-index", *options, stdin=names):
            return {}
        each = {path: f"{path}\0".encode("utf-8", "surrogateescape") for path in paths}
        refused = {path: self._git("checkout-index", *options, stdin=name) for path, name in each.items()}
        return {path: words for path, words in refused.items() if words}

    def _is_ours(self, path: str, change: Change) -> bool:
        """Return whether nothing is lost with a file: it is missing, a beginning of the new content, or the old one."""
        file = self.checkout.top / path
        if not os.path.lexists(file):
            return True
        if file.is_symlink() or not file.is_file():
            return False
        content = file.read_bytes()
        shown = self._shown(f"{self.new}:{path}")
        if shown is not None and shown.startswith(content):
            return True
        before = change[0]
        if before is None or before.kind != "blob":
            return False
        return self._shown(f"--path={path}", before.oid) == content

    def _shown(self, *what: str) -> bytes | None:
        """Return a file's content as the checkout shows it; None where its filter fails or hangs."""
        try:
            done = self._bounded().call("cat-file", "--filters", *what, cwd=self.checkout.top)
        except OutOfTime:
            return None
        return done.stdout if done.returncode == 0 else None

    def _refresh(self) -> None:
        """Let git see which files only look touched. Where a filter hangs, they count as touched."""
        with suppress(OutOfTime):
            git = self._theirs().bounded(CPU_S_MAX, REFRESH_S_MAX)
            git.call(*NO_PRELOAD, "update-index", "-q", "--refresh", cwd=self.checkout.top)

    def _untracked_in_the_way(self, changes: Mapping[str, Change]) -> set[str]:
        """Return files that git does not track where new ones have to go, also those that it ignores."""
        present = {}
        for path, (before, _) in changes.items():
            found = None if before else what_is_there(self.checkout.top, path)
            if found is None or (found in changes and found != path):
                continue
            place = self.checkout.top / found
            if place.is_dir() and not place.is_symlink() and any(other.startswith(f"{found}/") for other in changes):
                continue  # a folder whose files go with this landing; git looks whether others are in it
            present[path] = found
        if not present:
            return set()
        tracked = self._names("ls-files", "--", *present.values())
        return {found for found in present.values() if found not in tracked}

    def _copy_index(self) -> None:
        """Give the index a second name for git to work on: its time stays, which git's own checks rely on."""
        self._drop_private()
        second_name(self.checkout.index, self._private)

    def _drop_private(self) -> None:
        for left in self.checkout.index.parent.glob(f"{PRIVATE}*"):
            left.unlink(missing_ok=True)

    def _theirs(self) -> Git:
        env = {"GIT_INDEX_FILE": str(self._private), "GIT_WORK_TREE": str(self.checkout.top)}
        return Git(self.checkout.git_dir, env=env, base=self.environ)

    def _git(self, *args: str, stdin: bytes | None = None) -> str:
        """Run git in the checkout; return '' when it went well, else its words."""
        options = ("-c", "submodule.recurse=false", *NO_PRELOAD)
        done = self._theirs().call(*options, *args, stdin=stdin, cwd=self.checkout.top)
        return "" if done.returncode == 0 else done.stderr.decode("utf-8", "replace") or "no message"

    def _names(self, command: str, *args: str) -> set[str]:
        options = ("-z",) if command == "ls-files" else ("-z", "--name-only")
        done = self._theirs().out(command, *options, *args, cwd=self.checkout.top)
        return {name for name in done.decode("utf-8", "surrogateescape").split("\0") if name}


def read_mark(lock: Path) -> tuple[CommitId, CommitId] | None:
    """Return (old, new) of a lock file that is ours; None where there is none, or it is someone else's."""
    try:
        words = lock.read_text(errors="replace").split()
    except OSError:
        return None
    return (CommitId(words[1]), CommitId(words[2])) if len(words) == 4 and words[0] == MARK else None
