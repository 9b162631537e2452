"""Writing loose objects without starting a process."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from msgspec import Struct

from swarmgit.model.git import Identity, TreeEntry
from swarmgit.model.ids import CommitId, TreeId

READ_BYTES = 1 << 20
SWARMGIT_IDENTITY = Identity("swarmgit", "swarmgit@localhost")


class NewObject(Struct, frozen=True):
    """An object that may not be written yet. `data`: header and content, what the id is the hash of."""

    oid: str
    data: bytes


def new_object(kind: str, content: bytes, algorithm: str) -> NewObject:
    """Return a 'blob', 'tree' or 'commit' with its id by `algorithm` ('sha1' or 'sha256')."""
    data = b"%s %d\0%s" % (kind.encode(), len(content), content)
    return NewObject(hashlib.new(algorithm, data, usedforsecurity=False).hexdigest(), data)


def new_tree(entries: Iterable[TreeEntry], algorithm: str) -> NewObject:
    """Return the tree with these entries, which come in git's order (see `in_git_order`)."""
    content = b"".join(
        b"%s %s\0%s"
        % (entry.mode.lstrip("0").encode(), entry.name.encode("utf-8", "surrogateescape"), bytes.fromhex(entry.oid))
        for entry in entries
    )
    return new_object("tree", content, algorithm)


def in_git_order(entries: Iterable[TreeEntry]) -> tuple[TreeEntry, ...]:
    """Return the entries by their names' bytes, a folder's name ending in a slash."""
    return tuple(sorted(entries, key=_tree_order))


class CommitText(Struct, frozen=True):
    """What a commit object says. `at` is the date of both author and committer, written in UTC."""

    tree: TreeId
    parents: Sequence[CommitId]
    message: str
    at: datetime
    author: Identity = SWARMGIT_IDENTITY
    committer: Identity = SWARMGIT_IDENTITY


def new_commit(text: CommitText, algorithm: str) -> NewObject:
    """Return the commit; the same text is the same commit."""
    date = f"{int(text.at.timestamp())} +0000"
    lines = [
        f"tree {text.tree}",
        *(f"parent {parent}" for parent in text.parents),
        f"author {_person(text.author)} {date}",
        f"committer {_person(text.committer)} {date}",
        "",
        text.message.replace("\0", "").rstrip() + "\n",
    ]
    return new_object("commit", "\n".join(lines).encode("utf-8", "replace"), algorithm)


class LooseWriter:
    """Writes objects into an objects folder, each by temporary file and rename.

    `durable`: they are on their way to the disk before anything can name them, so that the one flush that comes with
    moving a ref makes them last together with it (what git calls `core.fsyncMethod=batch`).
    """

    def __init__(self, objects_dir: Path, *, durable: bool = True) -> None:
        self._dir = str(objects_dir)
        self._durable = durable

    def write(self, new: Iterable[NewObject]) -> None:
        """Write those that are not there. One that is there is marked as fresh, so that a running gc keeps it."""
        files: list[tuple[int, str, str]] = []
        try:
            for item in {item.oid: item for item in new}.values():
                path = f"{self._dir}/{item.oid[:2]}/{item.oid[2:]}"
                try:
                    os.utime(path)
                except FileNotFoundError:
                    files.append((*_create(path, item.data), path))
            if self._durable:
                write_out([handle for handle, _, _ in files])
        finally:
            for handle, _, _ in files:
                os.close(handle)
        for _, temporary, path in files:
            os.rename(temporary, path)  # noqa: PTH104 - a dozen Path objects a commit cost more than the rename


def _create(path: str, data: bytes) -> tuple[int, str]:
    """Return an open file beside `path` that holds `data` compressed, and its name."""
    folder, name = path.rsplit("/", 1)
    temporary = f"{folder}/tmp_obj_{name[:12]}_{threading.get_native_id()}"  # noqa: S108 - git's own gc sweeps this name
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileNotFoundError:
        Path(folder).mkdir(exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:  # left by a process that was killed and had our number
        Path(temporary).unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    try:
        rest = memoryview(zlib.compress(data, 1))
        while rest:
            rest = rest[os.write(handle, rest) :]
    except BaseException:
        os.close(handle)
        Path(temporary).unlink(missing_ok=True)
        raise
    return handle, temporary


def loose_path(objects_dir: Path, oid: str) -> Path:
    """Return where an object lies when it is loose."""
    return objects_dir / oid[:2] / oid[2:]


def is_whole(path: Path, oid: str) -> bool:
    """Return whether a loose object can be unpacked and is what its name says; a second name for a bad one is worse."""
    digest = hashlib.new("sha1" if len(oid) == 40 else "sha256", usedforsecurity=False)
    unpack = zlib.decompressobj()
    try:
        with path.open("rb") as file:
            while packed := file.read(READ_BYTES):
                digest.update(unpack.decompress(packed))
        digest.update(unpack.flush())
    except (OSError, zlib.error):
        return False
    return unpack.eof and digest.hexdigest() == oid


def write_out(handles: Sequence[int]) -> None:
    """Bring open files' bytes to the disk; the flush of the ref that names them completes it.

    On ext and XFS any later fsync also commits the journal up to it, names and all, and empties the disk's cache, so
    the bytes only have to be on their way. Elsewhere nothing promises that, and each file is flushed by itself.
    """
    start, wait = 2, 7
    is_ordered = bool(handles) and _journals_in_order(os.fstat(handles[0]).st_dev)
    sync_file_range = _sync_file_range() if is_ordered else None
    if sync_file_range is None:
        for handle in handles:
            os.fsync(handle)
        return
    for flags in (start, wait):
        for handle in handles:
            if sync_file_range(handle, 0, 0, flags) != 0:  # this file system cannot
                os.fsync(handle)


@functools.cache
def _journals_in_order(device: int) -> bool:
    """Return whether a device's file system has one journal, written in the order of what happened."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kinds = {line.partition(" - ")[2].split(" ")[0] for line in mounts if line.split(" ")[2:3] == [wanted]}
    return bool(kinds) and kinds <= {"ext2", "ext3", "ext4", "xfs"}


@functools.cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    import ctypes

    try:
        found = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return cast("Callable[[int, int, int, int], int]", found)


def write_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a whole file by temporary name and rename, so that it exists in full or not at all."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _tree_order(entry: TreeEntry) -> bytes:
    name = entry.name.encode("utf-8", "surrogateescape")
    return name + b"/" if entry.kind == "tree" else name


def _person(who: Identity) -> str:
    """Return 'Name <email>' without the characters that would end a field."""
    drop = str.maketrans("", "", "<>\n\r\0")
    return f"{who.name.translate(drop).strip() or 'unknown'} <{who.email.translate(drop).strip()}>"
