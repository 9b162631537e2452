"""Put what a scan has found into an index of its own, and write the tree."""

# Names need not be UTF-8, so paths are bytes here, which pathlib does not take.
# ruff: noqa: PTH115, PTH118

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from swarmgit.adapters.aside import aside
from swarmgit.adapters.git.filling import places
from swarmgit.adapters.git.findings import Findings
from swarmgit.adapters.git.run import Git, OutOfTime
from swarmgit.adapters.git.scan import scan_all
from swarmgit.adapters.git.slots import Slot

CALLS_MAX = 200
ADD_CPU_S_MIN, ADD_WALL_S_MAX = 10, 900.0
BYTES_PER_CPU_S = 4 << 20
"""Far less than a slow machine hashes and compresses in a second."""


def _aside(engine: Git) -> AbstractContextManager[Path]:
    """Return a folder beside the engine: the disk that worktrees lie on may be full, by what lies there."""
    return aside(engine.git_dir.parent)


def snapshot(engine: Git, slot: Slot, findings: Findings) -> str:
    """Return the tree of the base with the findings applied, through a copy of the private index."""
    with _aside(engine) as made:
        index = made / "index"
        # Copied with its times: git trusts entries whose file is older than the index.
        shutil.copy2(slot.index, index)
        env = places(slot, index)
        if findings.absent:
            gone = _listing(findings.absent)
            engine.out("update-index", "--force-remove", "-z", "--stdin", stdin=gone, env=env)
        _add(engine, slot, env, findings)
        return engine.out("write-tree", env=env).decode("ascii").strip()


def with_left(engine: Git, slot: Slot, tree: str, findings: Findings) -> str:
    """Return a tree with the files besides that were left out of it."""
    with _aside(engine) as made:
        env = places(slot, made / "index")
        engine.out("read-tree", tree, env=env)
        _add(engine, slot, env, Findings(present=findings.left, is_raw=findings.is_raw))
        return engine.out("write-tree", env=env).decode("ascii").strip()


def snapshot_of_all(engine: Git, slot: Slot) -> tuple[str, Findings]:
    """Return the tree of all that lies in a slot, whatever it was filled with, and what was found there."""
    with _aside(engine) as made:
        env = places(slot, made / "index")
        findings = scan_all(engine, slot, env)
        _add(engine, slot, env, findings)
        return engine.out("write-tree", env=env).decode("ascii").strip(), findings


def _listing(paths: Sequence[bytes] | set[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in sorted(paths))


def _add(engine: Git, slot: Slot, env: Mapping[str, str], findings: Findings) -> None:
    """Put every present file into the index, as it is where the attributes of the work cannot be evaluated."""
    if not findings.present:
        return
    cpu_s = ADD_CPU_S_MIN + sum(findings.present.values()) // BYTES_PER_CPU_S
    bounded = engine.bounded(cpu_s, ADD_WALL_S_MAX)
    if not findings.is_raw:
        try:
            _add_by_git(bounded, env, findings)
        except OutOfTime:
            findings.object_to_attributes()
    if findings.is_raw:
        Path(f"{env['GIT_INDEX_FILE']}.lock").unlink(missing_ok=True)  # left by a git that was ended
        _add_raw(bounded, slot, env, findings)


def _add_by_git(engine: Git, env: Mapping[str, str], findings: Findings) -> None:
    """Let git add the files. Where it refuses a list, its halves are tried."""
    todo = [sorted(findings.present)]
    for _ in range(CALLS_MAX):
        if not todo:
            return
        paths = todo.pop()
        done = engine.call("update-index", "--add", "--replace", "-z", "--stdin", stdin=_listing(paths), env=env)
        if done.returncode != 0 and len(paths) > 1:
            todo += [paths[len(paths) // 2 :], paths[: len(paths) // 2]]
        elif done.returncode != 0:
            findings.object(paths[0], "could not be taken in by git")
    for paths in todo:
        for path in paths:
            findings.object(path, "was not taken in because too many others could not be")


def _add_raw(engine: Git, slot: Slot, env: Mapping[str, str], findings: Findings) -> None:
    """Put the bytes of the files and links into the index; git compares no name with any pattern."""
    root = os.fsencode(slot.tree)
    modes = {path: os.lstat(os.path.join(root, path)).st_mode for path in sorted(findings.present)}
    files = [path for path, mode in modes.items() if stat.S_ISREG(mode)]
    asked = b"".join(_quoted(os.path.join(root, path)) + b"\n" for path in files)
    blobs = engine.out("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=asked).split()
    lines = [
        _line(b"100755" if modes[path] & stat.S_IXUSR else b"100644", blob, path)
        for path, blob in zip(files, blobs, strict=True)
    ]
    for path, mode in modes.items():
        if stat.S_ISLNK(mode):
            target = os.readlink(os.path.join(root, path))
            lines.append(_line(b"120000", engine.out("hash-object", "-w", "--stdin", stdin=target).strip(), path))
    engine.out("update-index", "-z", "--index-info", stdin=b"".join(lines), env=env)


def _line(mode: bytes, blob: bytes, path: bytes) -> bytes:
    return b"%s %s\t%s\0" % (mode, blob, path)


def _quoted(path: bytes) -> bytes:
    """Return a path as git reads it from a line: in quotes, odd bytes by their number."""
    return b'"%s"' % b"".join(
        bytes([byte]) if 32 <= byte < 127 and byte not in b'"\\' else b"\\%03o" % byte for byte in path
    )
