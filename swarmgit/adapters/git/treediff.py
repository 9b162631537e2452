"""The net difference of two trees, exactly as git stores it."""

from __future__ import annotations

from msgspec import Struct

from swarmgit.adapters.git.run import Git


class RawChange(Struct, frozen=True):
    """One line of raw diff output; modes octal, '000000' where absent; `path` in the bytes that git has."""

    path: bytes
    status: str
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str


def tree_changes(engine: Git, old: str, new: str) -> list[RawChange]:
    """Return what differs between two trees or commits, sorted by path; no renames, whatever their number."""
    return parse_raw(engine.out("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new))


def parse_raw(output: bytes) -> list[RawChange]:
    """Return the changes of `--raw -z` output: a line of fields, then the path, each ended by a NUL."""
    fields = output.split(b"\0")
    changes = []
    for at in range(0, len(fields) - 1, 2):
        old_mode, new_mode, old_blob, new_blob, status = fields[at].decode("ascii").lstrip(":").split(" ")
        changes.append(RawChange(fields[at + 1], status[:1], old_mode, new_mode, old_blob, new_blob))
    return changes
