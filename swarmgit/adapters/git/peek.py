"""Looking at what a session has in its worktree now, while it is at work: through an index and objects of our own.

Nothing of the agent's is read as configuration or run, and nothing is written into its tree or into any repository.
Files may change while they are read; what comes back is for a person to look at, and never lands.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from swarmgit.adapters.deletion import delete
from swarmgit.adapters.git.difference import OPTIONS
from swarmgit.adapters.git.filling import SETTINGS, places
from swarmgit.adapters.git.run import Git, quoted_place
from swarmgit.adapters.git.slots import Slot
from swarmgit.errors import PersonMustAct

SECONDS_MAX = 60
VIEWS_MAX = 8
"""Checkouts for people that are kept; the oldest go first."""

SHOWN = tuple(option for option in OPTIONS if option not in {"--binary", "--full-index"})


def live_diff(engine: Git, slot: Slot) -> str:
    """Return how a leased worktree differs now from the commit it was filled with."""
    with _snapshot(engine, slot) as (tree, env):
        return _git(engine, env, "diff-tree", *SHOWN, slot.commit, tree).decode("utf-8", "replace")


def live_files(engine: Git, slot: Slot, folder: Path) -> None:
    """Lay out the files of a leased worktree as they are now in a new folder, read-only."""
    with _snapshot(engine, slot) as (tree, env):
        lay_out(engine, tree, folder, env)


def lay_out(engine: Git, tree: str, folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Lay out the files of a commit or tree in a folder without any git directory; nobody can write there.

    The folder appears whole, by rename, in place of one that is there; besides it the newest of its kind are kept.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        _fill(engine, tree, made, env)
        delete(folder)
        made.rename(folder)
    except BaseException:
        delete(made)
        raise
    folder.chmod(0o500)
    views = sorted(folder.parent.iterdir(), key=lambda each: each.lstat().st_mtime)
    for old in [view for view in views if view != folder][: max(0, len(views) - VIEWS_MAX)]:
        delete(old)


def _fill(engine: Git, tree: str, made: Path, env: Mapping[str, str] | None) -> None:
    """Write the files of a tree of any depth, for reading only."""
    with tempfile.TemporaryDirectory(prefix="swarmgit-index-") as scratch:
        own = {**SETTINGS, **(env or {}), "GIT_INDEX_FILE": str(Path(scratch, "index")), "GIT_WORK_TREE": str(made)}
        _git(engine, own, "read-tree", tree)
        _git(engine, own, "checkout-index", "-a", "-q", f"--prefix={made}/")
    folders = [str(made)]
    for place in folders:  # grows while we go: os.walk recurses, and ends at a depth that agents can make
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_symlink():
                    os.chmod(entry.path, entry.stat().st_mode & 0o555)  # noqa: PTH101
    for place in reversed(folders[1:]):
        os.chmod(place, 0o500)  # noqa: PTH101


@contextmanager
def _snapshot(engine: Git, slot: Slot) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the tree of what is in a worktree now, and the environment in which git knows it."""
    with tempfile.TemporaryDirectory(prefix="swarmgit-peek-") as made:
        index, objects = Path(made, "index"), Path(made, "objects")
        objects.mkdir()
        shutil.copy2(slot.index, index)
        env = {
            **places(slot, index),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted_place(engine.git_dir / "objects"),
        }
        _run(engine, env, "add", "-A", "--ignore-errors", ".")  # what it cannot take in is not shown
        yield _git(engine, env, "write-tree").decode("ascii").strip(), env


def _git(engine: Git, env: Mapping[str, str], *words: str) -> bytes:
    done = _run(engine, env, *words)
    if done.returncode:
        raise PersonMustAct(f"git {words[0]} failed: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return done.stdout


def _run(engine: Git, env: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git within a limit: an agent can make files at which it would wait, or work, for ever."""
    return engine.bounded(SECONDS_MAX, SECONDS_MAX).call(*words, env=env, cwd=Path(env["GIT_WORK_TREE"]))
