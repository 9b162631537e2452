"""What differs between two commits, as digests that stay the same when the same change is made on another base."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.treediff import tree_changes
from swarmgit.model.status import Difference

OPTIONS = ("-r", "-p", "--binary", "--full-index", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv")


def difference(engine: Git, old: str, new: str, guarded: Sequence[str]) -> Difference:
    """Return the digests of the lines, of the paths with their modes, and of the content of the `guarded` paths.

    Lines are those of git's diff without line numbers and blob ids, as for a patch-id, but white space counts.
    """
    changes = tree_changes(engine, old, new)
    files = b"\0".join(
        b"%s %s %s" % (change.path, change.old_mode.encode(), change.new_mode.encode()) for change in changes
    )
    wanted = {path.encode("utf-8", "surrogateescape") for path in guarded}
    blobs = b"\0".join(
        b"%s %s" % (change.path, change.new_blob.encode()) for change in changes if change.path in wanted
    )
    patch = _patch(engine.out("diff-tree", *OPTIONS, old, new))
    return Difference(patch, _hash(files), _hash(blobs))


def shown(engine: Git, old: str, new: str) -> str:
    """Return the difference for people to read, without the content of binary files."""
    options = [option for option in OPTIONS if option not in {"--binary", "--full-index"}]
    return engine.out("diff-tree", *options, old, new).decode("utf-8", "replace")


def _patch(text: bytes) -> str:
    digest = hashlib.sha256()
    for line in text.split(b"\n"):
        if not line.startswith(b"index "):
            digest.update((b"@@" if line.startswith(b"@@") else line) + b"\n")
    return digest.hexdigest()[:40]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]
