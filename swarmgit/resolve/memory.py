"""What people's agents made of a conflict once: remembered by the conflict itself, whichever file it comes up in.

A conflict is named by its three sides; which side is called ours makes no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from swarmgit.resolve import diff3
from swarmgit.resolve.diff3 import Chunk

SIZE_MAX = 2_000_000


def key_of(chunk: Chunk[str]) -> str:
    """Return the name of one conflict: the hash of its base and of both sides in a fixed order."""
    digest = hashlib.sha256()
    for lines in (chunk.base, *sorted((chunk.ours, chunk.theirs))):
        text = "".join(lines).encode("utf-8", "surrogateescape")
        digest.update(b"%d\0" % len(text) + text)
    return digest.hexdigest()


def learn(base: bytes | None, ours: bytes, theirs: bytes, result: bytes) -> dict[str, bytes]:
    """Return, for each conflict of a file, the lines that stand in its place in the result.

    Nothing where the result differs outside of the conflicts as well: then it is not clear what belongs to which.
    """
    contents = (base or b"", ours, theirs, result)
    if max(map(len, contents)) > SIZE_MAX or any(b"\0" in side for side in contents):
        return {}
    sides = [_lines(content.decode("utf-8", "surrogateescape")) for content in contents]
    found: dict[str, bytes] = {}
    at = 0
    pieces = list(_pieces(list(diff3.chunks(*sides[:3]))))
    for number, (conflict, after) in enumerate(pieces):
        end = _end(sides[3], after, at, is_last=number == len(pieces) - 1)
        if end is None or (conflict is None and end != at):
            return {}
        if conflict is not None:
            found[key_of(conflict)] = "".join(sides[3][at:end]).encode("utf-8", "surrogateescape")
        at = end + len(after)
    return found if at == len(sides[3]) else {}


def _pieces(chunks: Sequence[Chunk[str]]) -> Iterator[tuple[Chunk[str] | None, list[str]]]:
    """Yield each conflict with the lines that follow it up to the next; first None with those before all of them."""
    conflict: Chunk[str] | None = None
    after: list[str] = []
    for chunk in chunks:
        plain = chunk.merged
        if plain is not None:
            after += plain
            continue
        yield conflict, after
        conflict, after = chunk, []
    yield conflict, after


def _end(lines: Sequence[str], after: Sequence[str], start: int, *, is_last: bool) -> int | None:
    """Return where `after` begins in the lines from `start` on; None where it does not, or in more than one place.

    After the last conflict it is the end of the file, before the first one its beginning.
    """
    if is_last:
        at = len(lines) - len(after)
        return at if at >= start and list(lines[at:]) == list(after) else None
    if start == 0 and list(lines[: len(after)]) == list(after):
        return 0
    found = [at for at in range(start, len(lines) - len(after) + 1) if list(lines[at : at + len(after)]) == list(after)]
    return found[0] if len(found) == 1 and after else None


def _lines(text: str) -> list[str]:
    whole = text if not text or text.endswith("\n") else text + "\n"
    return [line + "\n" for line in whole.split("\n")[:-1]]
