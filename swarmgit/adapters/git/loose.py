"""Writing loose objects without starting a process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from swarmgit.model.ids import CommitId, TreeId
from swarmgit.ports import Identity, TreeEntry

SWARMGIT_IDENTITY = Identity("swarmgit", "swarmgit@localhost")


@dataclass(frozen=True, slots=True)
class NewObject:
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


@dataclass(frozen=True, slots=True)
class CommitText:
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

    `durable`: they are on the disk when `write` returns, so that a ref may be moved to them.
    """

    def __init__(self, objects_dir: Path, *, durable: bool = True) -> None:
        self._dir = objects_dir
        self._durable = durable

    def write(self, new: Iterable[NewObject]) -> None:
        """Write those that are not there. One that is there is marked as fresh, so that a running gc keeps it."""
        written = []
        for item in {item.oid: item for item in new}.values():
            path = loose_path(self._dir, item.oid)
            try:
                os.utime(path)
            except FileNotFoundError:
                written.append((self._put(path.parent, item.data), path))
        if self._durable:
            for temporary, _ in written:
                sync(temporary)
        for temporary, path in written:
            temporary.replace(path)
        if self._durable:
            for folder in {path.parent for _, path in written}:
                sync(folder)

    def _put(self, folder: Path, data: bytes) -> Path:
        try:
            handle, name = tempfile.mkstemp(prefix="tmp_obj_", dir=folder)  # a name that git's own gc sweeps
        except FileNotFoundError:
            folder.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="tmp_obj_", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(zlib.compress(data, 1))
            os.fchmod(file.fileno(), 0o444)
        return Path(name)


def loose_path(objects_dir: Path, oid: str) -> Path:
    """Return where an object lies when it is loose."""
    return objects_dir / oid[:2] / oid[2:]


def sync(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
