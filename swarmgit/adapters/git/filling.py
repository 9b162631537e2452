"""Bring a slot's tree to exactly one commit: fast where an older tree is there, and never by trusting what it holds."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from swarmgit.adapters.git import pristine
from swarmgit.adapters.git.beneath import copy_beneath, read_beneath
from swarmgit.adapters.git.private_git import escaped
from swarmgit.adapters.git.run import WITHOUT_HOOKS, Git, GitFailed, OutOfTime
from swarmgit.adapters.git.slots import Slot, SlotStore
from swarmgit.model.desired import WorktreeConfig

EXACT: Mapping[str, str] = {
    "core.autocrlf": "false",
    "core.symlinks": "true",
    "core.fileMode": "true",
    "core.trustctime": "true",
    "core.checkStat": "default",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "checkout.workers": "2",
    "checkout.thresholdForParallelism": "2000",
}
"""What is in a commit and what is in a tree are the same bytes, whatever the machine's habits. A change time cannot
be forged, so an edited file is noticed however its other times were set."""

SETTINGS: Mapping[str, str] = {
    "GIT_CONFIG_COUNT": str(len(EXACT)),
    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(EXACT)},
    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(EXACT.values())},
}
INCLUDE_SIZE_MAX = 64 << 20
CLEAN_CPU_S_MAX, CLEAN_WALL_S_MAX = 10, 30.0
"""Beyond that a fresh tree costs less."""

FILL_CPU_S_MAX, FILL_WALL_S_MAX = 120, 300.0
"""For all of a commit's files, as many as there are."""

FULL_BYTES = 16 << 20
"""A disk with less room than that is full, where git could not write a file."""

GITLINK_MODE = b"\x00\x00\xe0\x00"


def places(slot: Slot, index: Path | None = None) -> dict[str, str]:
    """Return the environment that makes the engine's git work on a slot's tree with an index of swarmgit's own."""
    return {**SETTINGS, "GIT_WORK_TREE": str(slot.tree), "GIT_INDEX_FILE": str(index or slot.index)}


def clean(engine: Git, store: SlotStore, slot: Slot, keep: Sequence[str]) -> None:
    """Remove everything the engine's index does not know, but for the paths to `keep`. Raise where anything resists."""
    if not stat.S_ISDIR(slot.tree.lstat().st_mode):
        raise NotADirectoryError(str(slot.tree))
    for stray in (slot.tree / ".git", slot.folder / "index.lock"):
        store.trash(stray)
    for stray in slot.folder.glob("work-*"):
        store.trash(stray)
    for path in keep:
        _cut_links(slot.tree, path)
    engine = engine.bounded(CLEAN_CPU_S_MAX, CLEAN_WALL_S_MAX)
    patterns = [argument for path in keep for argument in ("-e", escaped(path))]
    engine.out("clean", "-ffdxq", *patterns, env=places(slot))
    _insist_on_plain(slot, keep)
    _empty_submodules(engine, store, slot)


def _cut_links(tree: Path, path: str) -> None:
    """Remove the first symbolic link on the way to a kept path: what is kept lies in the tree itself or is not kept."""
    at = tree
    for part in path.split("/"):
        at /= part
        if at.is_symlink():
            at.unlink()
            return


def _insist_on_plain(slot: Slot, keep: Sequence[str]) -> None:
    """Raise where the tree still holds what git does not see: pipes, devices, a `.git`, folders with other rights."""
    rights = stat.S_IMODE(slot.folder.lstat().st_mode)
    kept = {str(slot.tree / path) for path in keep}
    todo = [str(slot.tree)]
    while todo:
        folder = todo.pop()
        if stat.S_IMODE(os.lstat(folder).st_mode) != rights:
            raise PermissionError(folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == ".git":
                    raise FileExistsError(entry.path)
                if entry.is_file(follow_symlinks=False) or entry.is_symlink() or entry.path in kept:
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    raise FileExistsError(entry.path)
                todo.append(entry.path)


def _empty_submodules(engine: Git, store: SlotStore, slot: Slot) -> None:
    """Empty the folders that stand for submodules: git leaves alone whatever lies in them."""
    if GITLINK_MODE not in slot.index.read_bytes():
        return
    for line in engine.out("ls-files", "-s", "-z", env=places(slot)).split(b"\0"):
        folder = slot.tree / line.partition(b"\t")[2].decode("utf-8", "surrogateescape")
        if line.startswith(b"160000 ") and folder.is_dir() and not folder.is_symlink() and any(folder.iterdir()):
            store.trash(folder)


def check_out(engine: Git, slot: Slot) -> None:
    """Write the commit's files; of a recycled tree only those that differ or were touched."""
    try:
        _write_files(engine.bounded(FILL_CPU_S_MAX, FILL_WALL_S_MAX), slot)
    except GitFailed as error:
        if "unable to write" not in error.stderr or shutil.disk_usage(slot.folder).free > FULL_BYTES:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(slot.folder)) from error  # git says only which file


def _write_files(engine: Git, slot: Slot) -> None:
    if slot.only:
        _check_out_some(engine, slot)
        return
    (slot.folder / pristine.MOVE).unlink(missing_ok=True)
    engine.out("read-tree", "--reset", "-u", slot.setup_commit or slot.commit, env=places(slot))
    if slot.setup_commit is not None:
        words = ("git", *WITHOUT_HOOKS, "read-tree", "--reset", "-u", slot.commit)
        pristine.plan_move(slot.folder, words, engine.environment(places(slot)), engine.git_dir)


def _check_out_some(engine: Git, slot: Slot) -> None:
    """Write the files that match the slot's patterns; git takes the others for unchanged (skip-worktree)."""
    from pathspec import GitIgnoreSpec

    matches = GitIgnoreSpec.from_lines(pattern if pattern.startswith("/") else f"/{pattern}" for pattern in slot.only)
    engine.out("read-tree", "--reset", slot.commit, env=places(slot))
    names = engine.out("ls-files", "-z", env=places(slot)).split(b"\0")
    left_out = [name for name in names if name and not matches.match_file(name.decode("utf-8", "surrogateescape"))]
    stdin = b"".join(name + b"\0" for name in left_out)
    engine.out("update-index", "-z", "--skip-worktree", "--stdin", stdin=stdin, env=places(slot))
    engine.out("checkout-index", "-a", "-u", "-f", "-q", env=places(slot))


def include(slot: Slot, top: Path | None, paths: Sequence[str]) -> tuple[str, ...]:
    """Copy untracked files of the person in; return those copied. Missing, tracked, linked or odd ones are left out."""
    if top is None:
        return ()
    return tuple(path for path in map(plain, paths) if path and copy_beneath(top, slot.tree, path, INCLUDE_SIZE_MAX))


def content_hash(top: Path | None, path: str) -> str:
    """Return a hash of a file that would be copied in, '' where none would be."""
    content = read_beneath(top, plain(path), INCLUDE_SIZE_MAX) if top and plain(path) else None
    return "" if content is None else hashlib.sha256(content).hexdigest()


def plain(path: str) -> str:
    """Return a configured path without decoration; '' for one that leads out of the tree or into a `.git`."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return "" if path.startswith("/") or ".." in parts or ".git" in parts else "/".join(parts)


def setup_hash(engine: Git, commit: str, config: WorktreeConfig) -> str | None:
    """Return what the set-up's result depends on: its commands and its key files at `commit`; None without set-up."""
    if not config.setup:
        return None
    keys: Mapping[str, str] = {}
    if config.setup_key:
        listed = engine.out("ls-tree", "-r", "-z", commit, "--", *filter(None, map(plain, config.setup_key)))
        keys = {line.partition(b"\t")[2].hex(): line.partition(b"\t")[0].decode() for line in listed.split(b"\0")}
    text = json.dumps([list(config.setup), sorted(keys.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def tracked(engine: Git, slot: Slot) -> set[str]:
    """Return the paths of the commit that a slot was filled with."""
    listed = engine.out("ls-files", "-z", env=places(slot)).split(b"\0")
    return {name.decode("utf-8", "surrogateescape") for name in listed if name}


def ignored(engine: Git, slot: Slot) -> tuple[str, ...]:
    """Return all that git ignores in a slot's tree, whole folders as one path; nothing where that takes too long."""
    try:
        listed = engine.out("ls-files", "-o", "-i", "--exclude-standard", "-z", "--directory", env=places(slot))
    except OutOfTime:
        return ()
    names = (name.rstrip(b"/") for name in listed.split(b"\0"))
    return tuple(name.decode("utf-8", "surrogateescape") for name in names if name)
