"""Patterns of a scope: gitwildmatch, always anchored at the repository's root.

`foo.py` is the file (or folder) foo.py in the root and nothing deeper; `src/**` is everything below src; a pattern
that names a folder covers what is in it; `**/foo.py` is how to say "at any depth". A leading `!` takes away again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

Ranges = tuple[tuple[int, int], ...]
"""Code points that one character may have, as inclusive ranges."""

Atom = Ranges | None
"""One step of a segment's glob: a character out of ranges, or None for `*`."""

Token = tuple[Atom, ...] | None
"""One step of a path's glob: a segment, or None for any number of whole segments."""

ANY_CHARACTER: Ranges = ((0, 46), (48, 0x10FFFF))
ANY_SEGMENT: tuple[Atom, ...] = (None,)


def anchored(pattern: str) -> str:
    """Return the pattern with its place pinned to the root, so that no bare name matches at every depth."""
    mark, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    while body.startswith("./"):
        body = body[2:]
    return f"{mark}/{body.lstrip('/')}"


@lru_cache(maxsize=4096)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # costs a command 20 ms, and most commands match no path

    usable = []
    for pattern in patterns:
        line = anchored(pattern)
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        usable.append(line)
    return GitIgnoreSpec.from_lines(usable)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Return whether the last pattern that speaks of `path` lets it in; a malformed pattern matches nothing."""
    return bool(_spec(tuple(patterns)).match_file(path))


@lru_cache(maxsize=65536)
def meet(a: str, b: str) -> bool:
    """Return whether two patterns can match a common path; True also where that cannot be told."""
    if a.startswith("!") or b.startswith("!"):
        return False
    left, right = tokens(a), tokens(b)
    return bool(left and right) and _paths_meet(left, right)


@lru_cache(maxsize=16384)
def tokens(pattern: str) -> tuple[Token, ...]:
    """Return the pattern as steps over path segments; what it names also stands for all below it."""
    body = anchored(pattern)[1:].rstrip(" ")
    only_below = body.endswith("/")
    parts = [part for part in body.split("/") if part]
    while len(parts) > 1 and parts[-1] == parts[-2] == "**":
        parts.pop()
    if not parts:
        return ()
    if parts[-1] == "**":
        only_below = True
        parts.pop()
    steps: list[Token] = [None if part == "**" else _atoms(part) for part in parts]
    return (*steps, *((ANY_SEGMENT,) if only_below else ()), None)


def _paths_meet(a: tuple[Token, ...], b: tuple[Token, ...]) -> bool:
    """Search the product of two automata: a state is how far each pattern has been used up."""
    seen: set[tuple[int, int]] = set()
    todo = [(0, 0)]
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        i, j = state
        if i == len(a) and j == len(b):
            return True
        todo.extend(_path_steps(a, b, i, j))
    return False


def _path_steps(a: tuple[Token, ...], b: tuple[Token, ...], i: int, j: int) -> list[tuple[int, int]]:
    """Return the states that follow by using up one segment on both sides, or none for `**`."""
    steps = []
    if i < len(a) and a[i] is None:
        steps.append((i + 1, j))
    if j < len(b) and b[j] is None:
        steps.append((i, j + 1))
    if i < len(a) and j < len(b):
        left, right = a[i], b[j]
        if _segments_meet(left or ANY_SEGMENT, right or ANY_SEGMENT):
            steps.append((_next(a, i, right), _next(b, j, left)))
    return steps


def _next(own: tuple[Token, ...], at: int, other: Token) -> int:
    """Return where a pattern stands after one segment.

    A plain last name with an extension is taken for a file, so that `src/a.py` and `**/b.md` do not meet in
    `src/a.py/b.md`; only a pattern that says that very name goes on below it.
    """
    token = own[at]
    if token is None:
        return at
    return len(own) if at == len(own) - 2 and _is_file_name(token) and other != token else at + 1


def _is_file_name(token: tuple[Atom, ...]) -> bool:
    name = [chr(atom[0][0]) for atom in token if atom is not None and len(atom) == 1 and atom[0][0] == atom[0][1]]
    return len(name) == len(token) and "." in name[1:-1]


def _segments_meet(a: tuple[Atom, ...], b: tuple[Atom, ...]) -> bool:
    seen: set[tuple[int, int]] = set()
    todo = [(0, 0)]
    while todo:
        i, j = todo.pop()
        if (i, j) in seen:
            continue
        seen.add((i, j))
        if i == len(a) and j == len(b):
            return True
        if i < len(a) and a[i] is None:
            todo.append((i + 1, j))
        if j < len(b) and b[j] is None:
            todo.append((i, j + 1))
        if i < len(a) and j < len(b) and _ranges_meet(a[i] or ANY_CHARACTER, b[j] or ANY_CHARACTER):
            todo.append((i if a[i] is None else i + 1, j if b[j] is None else j + 1))
    return False


def _ranges_meet(a: Ranges, b: Ranges) -> bool:
    return any(low <= top and bottom <= high for low, high in a for bottom, top in b)


def _atoms(segment: str) -> tuple[Atom, ...]:
    """Return a segment's glob as atoms; what is malformed or ambiguous becomes a wildcard."""
    atoms: list[Atom] = []
    at = 0
    while at < len(segment):
        letter = segment[at]
        if letter == "*":
            atoms.append(None)
        elif letter == "?":
            atoms.append(ANY_CHARACTER)
        elif letter == "[":
            end = _class_end(segment, at)
            if end is None:
                return (*atoms, None)
            members = segment[at + 1 : end]
            if "\\" in members or "[" in members:
                return (*atoms, None)  # escapes and named classes are read differently by different matchers
            atoms.append(_class_ranges(members))
            at = end
        else:
            if letter == "\\" and at + 1 < len(segment):
                at += 1
                letter = segment[at]
            atoms.append(((ord(letter), ord(letter)),))
        at += 1
    return tuple(atoms)


def _class_end(segment: str, start: int) -> int | None:
    """Return where the bracket that opens at `start` closes; a bracket right at the front is a member."""
    first = start + 1
    if segment[first : first + 1] in {"!", "^"}:
        first += 1
    end = segment.find("]", first + 1)
    return None if end < 0 else end


def _class_ranges(body: str) -> Ranges:
    negated = body[:1] in {"!", "^"}
    members = body[1:] if negated else body
    ranges = []
    at = 0
    while at < len(members):
        if at + 2 < len(members) and members[at + 1] == "-":
            ranges.append((ord(members[at]), ord(members[at + 2])))
            at += 3
        else:
            ranges.append((ord(members[at]), ord(members[at])))
            at += 1
    return _complement(ranges) if negated else tuple(ranges)


def _complement(ranges: list[tuple[int, int]]) -> Ranges:
    free = []
    low = 0
    for start, end in sorted([*ranges, (47, 47)]):
        if low < start:
            free.append((low, start - 1))
        low = max(low, end + 1)
    return (*free, (low, 0x10FFFF))
