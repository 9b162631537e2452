"""A conflicted file for somebody to resolve: git's markers with the base between the sides (style diff3)."""

from __future__ import annotations

from swarmgit.resolve import diff3

SIZE_MAX = 2_000_000
"""Bytes of the largest side that is looked at."""

Labels = tuple[str, str, str]


def marked(base: bytes | None, ours: bytes, theirs: bytes, labels: Labels) -> bytes | None:
    """Return the file with markers around what both sides changed; None where it is binary or too large for that.

    `labels` name ours, the base and theirs. `base` None: both sides added the file.
    """
    contents = (base or b"", ours, theirs)
    if max(map(len, contents)) > SIZE_MAX or any(b"\0" in side for side in contents):
        return None
    mine, was, other = (label.encode("utf-8", "surrogateescape") for label in labels)
    out: list[bytes] = []
    for chunk in diff3.chunks(*(_lines(side) for side in contents)):
        plain = chunk.merged
        if plain is not None:
            out += plain
            continue
        parts = ((b"<<<<<<< " + mine, chunk.ours), (b"||||||| " + was, chunk.base), (b"=======", chunk.theirs))
        for marker, lines in parts:
            out += [marker + b"\n", *_ended(lines)]
        out.append(b">>>>>>> " + other + b"\n")
    return b"".join(out)


def _lines(content: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1].removesuffix(b"\n")
    return lines if lines[-1] else lines[:-1]


def _ended(lines: tuple[bytes, ...]) -> list[bytes]:
    """Return lines of which the last one ends, so that a marker stands on a line of its own."""
    return [*lines[:-1], lines[-1] if lines[-1].endswith(b"\n") else lines[-1] + b"\n"] if lines else []
