"""The linked worktree `.swarm/state/`, which shows the state branch, and the link `.swarm/run`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from swarmgit.adapters.aside import aside
from swarmgit.adapters.git.loose import write_file
from swarmgit.adapters.git.objects import GitObjects
from swarmgit.adapters.git.refs import drop_stale_lock
from swarmgit.adapters.git.run import Git
from swarmgit.documents.paths import RUN_LINK, STATE_CHECKOUT, SWARM, branch_ref
from swarmgit.errors import SwarmError
from swarmgit.model.ids import CommitId

SHOWS = "swarmgit-shows"
"""In the worktree's own git folder: the commit that its files show."""

REFTABLE_HEAD = "refs/heads/.invalid"
"""What the file HEAD says in the reftable format, which keeps HEAD elsewhere."""

EXCLUDED = (f"/{STATE_CHECKOUT}/", f"/{RUN_LINK}")


class StateCheckout:
    """Keeps `<top>/.swarm/state/` at the state branch; does nothing where `<top>/.swarm/` is not there.

    `objects` reads the person's repository. `filler` fills the files: the engine's git, whose configuration and
    attributes are swarmgit's own, so that the files are the branch's bytes on every machine.
    """

    def __init__(self, objects: GitObjects, filler: Git, top: Path, live: Path, branch: str) -> None:
        self._objects = objects
        self._filler = filler
        self._common_dir = objects.git.git_dir
        self._top = top
        self._live = live
        self._branch = branch
        self._folder = top / STATE_CHECKOUT
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:8]
        self._admin = self._common_dir / "worktrees" / f"swarm-state-{name}"
        self._child: subprocess.Popen[bytes] | None = None
        self._filling: CommitId | None = None
        self._is_verified = False

    def sync(self, head: CommitId, *, wait: bool) -> None:
        """Show `head`; without `wait` in the background, one at a time, and a later call catches up."""
        if not (self._top / SWARM).is_dir():
            return
        if self._child is not None and not self._collect(wait=wait):
            return
        self._make()
        shown = self._shown()
        whole = shown is not None and self._is_whole(shown, thoroughly=wait)
        if whole and shown == head:
            return
        self._start(shown if whole else None, head)
        if wait and not self._collect(wait=True):
            self._start(None, head)
            self._collect(wait=True)

    def link_run(self) -> None:
        """Make the link `.swarm/run` where it is missing or wrong; a person's own file of that name is left alone."""
        link = self._top / RUN_LINK
        if not link.parent.is_dir() or (link.exists() and not link.is_symlink()):
            return
        inside = self._live.is_relative_to(self._top)
        wanted = os.path.relpath(self._live, link.parent) if inside else str(self._live)
        if not link.is_symlink() or os.readlink(link) != wanted:  # noqa: PTH115 - the text, not a Path
            with aside(self._live) as scratch:
                made = scratch / "run"
                made.symlink_to(wanted)
                _move_link(made, link, wanted)
        self._exclude()

    def close(self) -> None:
        """Wait for a checkout that is at work."""
        if self._child is not None:
            self._collect(wait=True)

    def _collect(self, *, wait: bool) -> bool:
        """Take note of the background child's end; return False while it runs, or when it has failed."""
        child, filling = self._child, self._filling
        if child is None:
            return True
        if not wait and child.poll() is None:
            return False
        failed = child.wait() != 0
        self._child = self._filling = None
        if failed or filling is None:
            with contextlib.suppress(FileNotFoundError):
                (self._admin / SHOWS).unlink()  # the next sync starts from nothing
            return not wait
        with contextlib.suppress(FileNotFoundError):
            write_file(self._admin / SHOWS, filling.encode())
        return True

    def _start(self, shown: CommitId | None, head: CommitId) -> None:
        index = self._admin / "index"
        drop_stale_lock(index.with_name("index.lock"))
        how = ("-m", "-u", shown, head) if shown else ("--reset", "-u", head)
        child = self._filler.start(
            "-c", "core.bare=false", "read-tree", *how,
            env={"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(self._folder)},
        )  # fmt: skip
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()
        self._child, self._filling = child, head

    def _shown(self) -> CommitId | None:
        try:
            shown = (self._admin / SHOWS).read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            self._objects.tree(self._objects.commit(shown).tree)
        except SwarmError:  # of a state that was lost, or damaged
            return None
        return CommitId(shown)

    def _is_whole(self, shown: CommitId, *, thoroughly: bool) -> bool:
        """Return whether the files are there: the top folder's always, all of them once in our life."""
        entries = self._objects.tree(self._objects.commit(shown).tree)
        if not (self._admin / "index").exists() or not all(
            os.path.lexists(self._folder / entry.name) for entry in entries
        ):
            return False
        if thoroughly and not self._is_verified:
            env = {"GIT_INDEX_FILE": str(self._admin / "index"), "GIT_WORK_TREE": str(self._folder)}
            done = self._filler.call("-c", "core.bare=false", "diff-files", "--quiet", env=env, cwd=self._folder)
            self._is_verified = done.returncode == 0
            return self._is_verified
        return True

    def _make(self) -> None:
        """Make the worktree's folder, its `.git` file and its git folder where they are missing or broken."""
        pointer = f"gitdir: {self._admin}\n"
        back = f"{self._folder / '.git'}\n"
        if not (_holds(self._admin / "gitdir", back) and (self._admin / "HEAD").exists()):
            self._make_admin(back)
        self._name_branch()
        if not _holds(self._folder / ".git", pointer):
            self._folder.mkdir(exist_ok=True)
            if (self._folder / ".git").is_dir():
                shutil.rmtree(self._folder / ".git")
            with contextlib.suppress(FileNotFoundError):
                (self._admin / SHOWS).unlink()  # who knows what else is gone
            write_file(self._folder / ".git", os.fsencode(pointer))

    def _name_branch(self) -> None:
        """Let HEAD name our branch where it names another: one of the two was renamed, or somebody switched here."""
        head = self._admin / "HEAD"
        named = head.read_text(errors="surrogateescape").strip().removeprefix("ref: ")
        is_other = named.startswith("refs/heads/") and named not in {branch_ref(self._branch), REFTABLE_HEAD}
        if is_other:
            write_file(head, f"ref: {branch_ref(self._branch)}\n".encode())

    def _make_admin(self, back: str) -> None:
        shutil.rmtree(self._admin, ignore_errors=True)
        self._admin.parent.mkdir(exist_ok=True)
        if (self._common_dir / "reftable").is_dir():
            self._make_admin_by_git()
            return
        with aside(self._live) as scratch:
            made = scratch / self._admin.name
            made.mkdir()
            (made / "HEAD").write_text(f"ref: {branch_ref(self._branch)}\n")
            (made / "commondir").write_text("../..\n")
            (made / "gitdir").write_bytes(os.fsencode(back))
            made.rename(self._admin)

    def _make_admin_by_git(self) -> None:
        """The reftable format keeps HEAD in tables that only git writes; git names the folder after the last part."""
        aside = Path(tempfile.mkdtemp(prefix=f".{self._admin.name}-", dir=self._live)) / self._admin.name
        self._objects.git.out("worktree", "add", "-f", "--no-checkout", str(aside), self._branch)
        write_file(self._admin / "gitdir", os.fsencode(f"{self._folder / '.git'}\n"))
        shutil.rmtree(aside.parent, ignore_errors=True)

    def _exclude(self) -> None:
        """Keep the checkout and the link out of `git status` also on branches that lack `.swarm/.gitignore`."""
        path = self._common_dir / "info" / "exclude"
        present = path.read_text(errors="surrogateescape") if path.exists() else ""
        missing = [line for line in EXCLUDED if line not in present.splitlines()]
        if missing:
            path.parent.mkdir(exist_ok=True)
            text = present + ("" if present.endswith("\n") or not present else "\n") + "\n".join(missing) + "\n"
            write_file(path, text.encode("utf-8", "surrogateescape"))


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == os.fsencode(text)
    except OSError:
        return False


def _move_link(made: Path, link: Path, wanted: str) -> None:
    """Put the link in its place; across file systems, where a rename cannot, make it there."""
    try:
        made.replace(link)
    except OSError:
        link.unlink(missing_ok=True)
        link.symlink_to(wanted)
