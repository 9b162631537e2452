"""New names that some file systems take for others beside them: only case or the writing of letters differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmgit.adapters.git.objects import parse_tree
from swarmgit.adapters.git.run import Git
from swarmgit.adapters.git.treediff import RawChange
from swarmgit.plan.nametable import fold

ABSENT = "000000"
FOLDERS_MAX = 20_000


def twins(engine: Git, base: str, commit: str, changes: Sequence[RawChange]) -> tuple[str, ...]:
    """Return the paths of the files and folders that are new in `commit`, with those that they are twins of.

    Only folders in which something is new are read, of both commits, by one git.
    """
    added = [change.path for change in changes if change.old_mode == ABSENT]
    folders = sorted({folder for path in added for folder in _above(path)})[:FOLDERS_MAX]
    found: list[str] = []
    before, after = (_listings(engine, rev, folders) for rev in (base, commit))
    for folder, old, new in zip(folders, before, after, strict=True):
        spelled: dict[str, list[bytes]] = {}
        for name in new:
            spelled.setdefault(fold(name.decode("utf-8", "backslashreplace")), []).append(name)
        for same in spelled.values():
            if len(same) > 1 and not old.issuperset(same):
                found += [
                    (folder + b"/" + name if folder else name).decode("utf-8", "backslashreplace") for name in same
                ]
    return tuple(found)


def _above(path: bytes) -> Iterator[bytes]:
    """Yield the folders on the way to a path, '' for the root."""
    parts = path.split(b"/")
    return (b"/".join(parts[:size]) for size in range(len(parts)))


def _listings(engine: Git, rev: str, folders: Sequence[bytes]) -> Iterator[set[bytes]]:
    """Yield the names in each folder of a commit; none where it has no such folder."""
    if not folders:
        return
    asked = b"".join(b"%s:%s\n" % (rev.encode(), folder) for folder in folders if b"\n" not in folder)
    output = engine.out("cat-file", "--batch", stdin=asked)
    at = 0
    for folder in folders:
        if b"\n" in folder:  # refused for its name
            yield set()
            continue
        end = output.index(b"\n", at)
        head = output[at:end].split(b" ")
        if head[-1] == b"missing" or len(head) != 3:
            yield set()
            at = end + 1
            continue
        size = int(head[2])
        listed = parse_tree(output[end + 1 : end + 1 + size], len(head[0]) // 2) if head[1] == b"tree" else ()
        yield {entry.name.encode("utf-8", "surrogateescape") for entry in listed}
        at = end + 2 + size
