"""Intent that is edited but not committed: nobody acts on it, and `status` says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from swarmgit.documents import paths
from swarmgit.model.git import TreeEntry

NOT_INTENT = frozenset({"state", "run"})
KINDS = frozenset({".yaml", ".yml", ".md"})
SIZE_BYTES_MAX = 1 << 20


def drafts(top: Path, committed: Mapping[str, TreeEntry]) -> tuple[str, ...]:
    """Return the intent files whose working copy differs from `committed` (path → entry), sorted."""
    working = {path.relative_to(top).as_posix(): path for path in _files(top / paths.SWARM)}
    known = {path for path in committed if Path(path).suffix in KINDS}
    return tuple(
        sorted(
            name
            for name in known | working.keys()
            if name not in working or name not in known or not _is_same(working[name], committed[name].oid)
        )
    )


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    found: list[Path] = []
    for entry in root.iterdir():
        if entry.name in NOT_INTENT or entry.is_symlink():
            continue
        found += [entry] if entry.is_file() else [path for path in entry.rglob("*") if path.is_file()]
    return [path for path in found if path.suffix in KINDS]


def _is_same(path: Path, oid: str) -> bool:
    """Return whether a file is the blob; a checkout with CRLF line ends counts as the same."""
    try:
        if path.stat().st_size > SIZE_BYTES_MAX:
            return False
        content = path.read_bytes()
    except OSError:
        return False
    return oid in {_blob_id(content, oid), _blob_id(content.replace(b"\r\n", b"\n"), oid)}


def _blob_id(content: bytes, like: str) -> str:
    digest = hashlib.sha1(usedforsecurity=False) if len(like) == 40 else hashlib.sha256()
    digest.update(b"blob %d\0" % len(content) + content)
    return digest.hexdigest()
