"""The working trees of a repository: which branch each has checked out, and what is going on in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from swarmgit.adapters.git.run import Git

BUSY_ON_BRANCH = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-apply", "rebase-merge", "sequencer")


class Checkout(Struct, frozen=True):
    """A working tree. `head` is the full name of the branch that is checked out, None when detached."""

    git_dir: Path
    top: Path
    head: str | None

    @property
    def index(self) -> Path:
        return Path(os.path.realpath(self.git_dir / "index"))


def find_checkouts(git: Git, top: Path | None) -> list[Checkout]:
    """Return the working trees that exist; `git.git_dir` is the common directory, `top` its own working tree."""
    found = []
    if top is not None and top.is_dir():
        found.append(Checkout(git.git_dir, top, read_head(git, git.git_dir)))
    for admin, place in linked(git.git_dir):
        if (place / ".git").is_file():
            found.append(Checkout(admin, place, read_head(git, admin)))
    return found


def linked(common_dir: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the git folder and the place of each linked working tree, be it there or not."""
    worktrees = common_dir / "worktrees"
    for admin in sorted(worktrees.iterdir()) if worktrees.is_dir() else ():
        with suppress(OSError):
            yield admin, Path(os.fsdecode((admin / "gitdir").read_bytes().removesuffix(b"\n"))).parent


def main_top(git: Git) -> Path | None:
    """Return the working tree that belongs to the common directory itself, None where it is bare."""
    listing = git.call("config", "--get-regexp", "-z", r"^core\.(bare|worktree)$").stdout.decode(
        "utf-8", "surrogateescape"
    )
    settings = dict(entry.partition("\n")[::2] for entry in listing.split("\0") if entry)
    if settings.get("core.worktree"):
        return (git.git_dir / settings["core.worktree"]).resolve()
    if settings.get("core.bare", "false") == "true" or git.git_dir.name != ".git":
        return None
    return git.git_dir.parent


def read_head(git: Git, git_dir: Path) -> str | None:
    """Return the full name of the branch that HEAD of one working tree names."""
    path = git_dir / "HEAD"
    if path.is_symlink():
        return os.readlink(path)  # noqa: PTH115 - the text is the branch's name, as git of old wrote it
    try:
        text = os.fsdecode(path.read_bytes())
    except OSError:
        return None
    if text.startswith("ref:"):
        name = text[4:].strip()
        if name != "refs/heads/.invalid":
            return name
        return replace(git, git_dir=git_dir).line("symbolic-ref", "-q", "HEAD") or None  # the reftable format
    return None


def work_in_progress(checkout: Checkout, branch: str) -> str | None:
    """Return the file in its git folder that says another command is at work on `branch` in this checkout."""
    if checkout.head == branch:
        return next((name for name in BUSY_ON_BRANCH if (checkout.git_dir / name).exists()), None)
    for name in ("rebase-merge/head-name", "rebase-apply/head-name", "rebase-merge/update-refs", "BISECT_START"):
        try:
            words = (checkout.git_dir / name).read_text(errors="replace").split()
        except OSError:
            continue
        if branch in words or (name == "BISECT_START" and branch.removeprefix("refs/heads/") in words):
            return name.partition("/")[0]
    return None
