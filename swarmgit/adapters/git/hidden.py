"""Files that a person told git not to look at: `--assume-unchanged` and `--skip-worktree`.

Their edits show in no status, and git writes over them. Without these marks git sees the edits like all others, so an
index of ours has them taken off while it decides, and put on again at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from os.path import lexists
from pathlib import Path

from msgspec import Struct

from swarmgit.adapters.git.run import Git

NAMED_MAX = 200


class Marked(Struct, frozen=True):
    assumed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def take_off(git: Git, top: Path, paths: Collection[str]) -> Marked:
    """Take the marks off these paths in the index that `git` names, and return which they were.

    A skipped file that is not there is left alone: that is what a sparse checkout looks like.
    """
    named = ("--", *paths) if len(paths) <= NAMED_MAX else ()
    listing = git.out("ls-files", "-v", "-z", *named, cwd=top).decode("utf-8", "surrogateescape")
    rows = [(row[0], row[2:]) for row in listing.split("\0") if row]
    assumed = tuple(path for tag, path in rows if tag.islower() and path in paths)
    skipped = tuple(path for tag, path in rows if tag in "Ss" and path in paths and lexists(top / path))
    _mark(git, top, "--no-assume-unchanged", assumed)
    _mark(git, top, "--no-skip-worktree", skipped)
    return Marked(assumed, skipped)


def put_on(git: Git, top: Path, marked: Marked, is_there: Callable[[str], bool]) -> None:
    """Put the marks on again, for the paths that are still in the index."""
    _mark(git, top, "--assume-unchanged", tuple(filter(is_there, marked.assumed)))
    _mark(git, top, "--skip-worktree", tuple(filter(is_there, marked.skipped)))


def _mark(git: Git, top: Path, option: str, paths: tuple[str, ...]) -> None:
    names = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    if names:
        git.out("update-index", option, "-z", "--stdin", stdin=names, cwd=top)
