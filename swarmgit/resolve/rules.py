"""The rules for one hunk that both sides changed. Each returns the merged lines, or None where it does not apply.

The precise rules are trusted alone; the others only where another resolver comes to the same result. The figures
that decide which is which are in benchmarks/replay.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from textwrap import dedent

from msgspec import Struct

from swarmgit.resolve import diff3, imports
from swarmgit.resolve.diff3 import Chunk
from swarmgit.resolve.syntax import Malformed, parse_data, parse_python

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
VERSION = re.compile(r"(?<![\w.])v?\d+(?:\.\d+)+(?:[-.]?(?:a|b|rc|alpha|beta|dev|post)\.?\d*)*(?![\w.]*\w)")
NUMBER = re.compile(r"\d+|[a-z]+")
EARLY = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "rc": -1}
IMPORT = re.compile(r"\s*(?:import|from)\s")
TOKENS_MAX = 4000
BESIDE_MAX = 2
APART = 2
"""Blank lines between definitions where the file does not show how many."""
SLIDE_MAX = 12

Lines = Sequence[str]


class Place(Struct, frozen=True):
    """A hunk with what stands before and after it, and the file's language."""

    chunk: Chunk[str]
    before: Lines
    after: Lines
    language: str | None


Rule = Callable[[Place], "list[str] | None"]


def whitespace(place: Place) -> list[str] | None:
    """One side changed nothing but white space: what the other side says holds."""
    chunk = place.chunk
    plain = _without_space(place.language)
    base, ours, theirs = ([plain(line) for line in side if line.strip()] for side in _sides(chunk))
    if not chunk.base:
        return None
    if ours == base and theirs != base:
        return list(chunk.theirs)
    if theirs == base and ours != base:
        return list(chunk.ours)
    return None


def _without_space(language: str | None) -> Callable[[str], str]:
    if language in {"python", "yaml"}:
        return lambda line: line[: len(line) - len(line.lstrip())] + " ".join(line.split())
    return lambda line: " ".join(line.split())


def version(place: Place) -> list[str] | None:
    """Both sides raised the same version numbers: the higher one holds."""
    chunk = place.chunk
    if not len(chunk.base) == len(chunk.ours) == len(chunk.theirs) or not chunk.base:
        return None
    merged = [_higher(*lines) for lines in zip(*_sides(chunk), strict=True)]
    found = [line for line in merged if line is not None]
    return found if len(found) == len(merged) else None


def _higher(base: str, ours: str, theirs: str) -> str | None:
    frames = {VERSION.sub("\0", line) for line in (base, ours, theirs)}
    if len(frames) > 1:
        return None
    picked = []
    for was, mine, other in zip(*(VERSION.findall(line) for line in (base, ours, theirs)), strict=True):
        if min(version_key(mine), version_key(other)) < version_key(was):
            return None
        picked.append(max(mine, other, key=version_key))
    rest = iter(picked)
    return VERSION.sub(lambda _: next(rest), ours)


def version_key(text: str) -> tuple[int, ...]:
    """Return what orders version numbers: 2.0rc1 before 2.0 before 2.0.1."""
    words = NUMBER.findall(text.lower().lstrip("v"))
    return (*(int(word) if word.isdigit() else EARLY.get(word, 0) for word in words), 0)


def definitions(place: Place) -> list[str] | None:
    """Both sides added whole definitions or keys under different names in one place: both hold, ours first."""
    chunk = place.chunk
    if chunk.base or place.language is None:
        return None
    for ours, theirs, slid in _slides(place):
        mine, others = (_named(lines, place.language) for lines in (ours, theirs))
        if mine and others and not mine & others:
            before, after = _beside(place, slid)
            merged = [*ours, *_spaced(before, ours, theirs, after)]
            if slid > 0:
                return [*place.after[:slid], *merged[:-slid]]
            return [*merged[-slid:], *place.before[slid:]] if slid else merged
    return None


def _beside(place: Place, slid: int) -> tuple[Lines, Lines]:
    """Return what stands before and after two insertions that were slid."""
    if slid < 0:
        return place.before[:slid], [*place.before[slid:], *place.after]
    return [*place.before, *place.after[:slid]], place.after[slid:]


def _slides(place: Place) -> list[tuple[list[str], list[str], int]]:
    """Return the two insertions as they are, and slid up or down over the lines around them that both repeat.

    The number says by how many lines; negative is up.
    """
    chunk = place.chunk
    found = [(list(chunk.ours), list(chunk.theirs), 0)]
    for size in range(1, SLIDE_MAX):
        tail = list(place.before[-size:])
        if len(tail) == size and list(chunk.ours[-size:]) == tail == list(chunk.theirs[-size:]):
            found.append(([*tail, *chunk.ours[:-size]], [*tail, *chunk.theirs[:-size]], -size))
        head = list(place.after[:size])
        if len(head) == size and list(chunk.ours[:size]) == head == list(chunk.theirs[:size]):
            found.append(([*chunk.ours[size:], *head], [*chunk.theirs[size:], *head], size))
    return found


def _named(lines: Lines, language: str) -> set[str]:
    """Return the names that lines define when they hold nothing else, the empty set otherwise."""
    if language == "python":
        return _defined(lines)
    text = dedent("".join(lines))
    if language == "json":
        text = "{" + text.rstrip().removesuffix(",") + "}" if text.rstrip().endswith(",") else ""
    try:
        found = parse_data(text, language)
    except Malformed:
        return set()
    data = found[0] if language == "yaml" and isinstance(found, list) and len(found) == 1 else found
    return set(data) if isinstance(data, dict) else set()


def _defined(lines: Lines) -> set[str]:
    """Return the names that lines define when they hold nothing but definitions, else the empty set."""
    try:
        body = parse_python(dedent("".join(lines))).body
    except Malformed:
        return set()
    if not all(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in body):
        return set()
    names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    return set(names) if len(set(names)) == len(names) else set()


def _spaced(before: Lines, first: Lines, second: Lines, after: Lines) -> list[str]:
    """Return `second` with as many blank lines before it as it takes to stand apart from `first` as from the rest."""
    wanted = max(_blank(before[::-1]) + _blank(first), _blank(first[::-1]) + _blank(after))
    if not before and not after:
        wanted = APART
    return [*["\n"] * max(0, wanted - _blank(first[::-1]) - _blank(second)), *second]


def _blank(lines: Lines) -> int:
    """Return how many blank lines stand at the start."""
    return next((at for at, line in enumerate(lines) if line.strip()), len(lines))


def adjacent(place: Place) -> list[str] | None:
    """The sides changed different lines that touch: both changes hold.

    Not where a side took lines away (what the other one put beside them may rest on them), where one side added
    beside a longer part that the other one rewrote, nor among imports, which have an order of their own.
    """
    chunk = place.chunk
    if not chunk.base or (place.language == "python" and any(map(IMPORT.match, (*chunk.ours, *chunk.theirs)))):
        return None
    made = [change for side in (chunk.ours, chunk.theirs) for change in diff3.changes(chunk.base, side)]
    adds = any(change.start == change.end for change in made)
    for change in made:
        was, now = change.end - change.start, change.side_end - change.side_start
        if now < was or (adds and was > BESIDE_MAX):
            return None
    return diff3.both(chunk.base, chunk.ours, chunk.theirs)


def import_lines(place: Place) -> list[str] | None:
    """Nothing but Python imports: added names come in, removed names go."""
    if place.language != "python":
        return None
    base, ours, theirs = _sides(place.chunk)
    before = list(takewhile(IMPORT.match, place.before[::-1]))[::-1]
    return imports.merge(base, ours, theirs, (before, list(takewhile(IMPORT.match, place.after))))


def tokens(place: Place) -> list[str] | None:
    """The sides changed different words of the same lines: both changes hold."""
    chunk = place.chunk
    if not len(chunk.base) == len(chunk.ours) == len(chunk.theirs):
        return None  # lines were cut or joined: words that still fit together need not mean the same
    sides = [TOKEN.findall("".join(side)) for side in _sides(chunk)]
    if not all(sides) or max(map(len, sides)) > TOKENS_MAX:
        return None
    merged: list[str] = []
    for part in diff3.chunks(*sides):
        found = part.merged
        if found is None:
            return None
        merged += found
    return ["".join(merged)]


def union(place: Place) -> list[str] | None:
    """For declared files, where both sides only add lines: all of them, ours first, none twice."""
    chunk = place.chunk
    if chunk.base:
        return None
    mine = {line for line in chunk.ours if line.strip()}
    return [*chunk.ours, *(line for line in chunk.theirs if line not in mine)]


PRECISE: tuple[tuple[str, Rule], ...] = (("whitespace", whitespace), ("version", version))
LIKELY: tuple[tuple[str, Rule], ...] = (
    ("definitions", definitions), ("imports", import_lines), ("adjacent", adjacent), ("tokens", tokens),
)  # fmt: skip


def _sides(chunk: Chunk[str]) -> tuple[Lines, Lines, Lines]:
    return chunk.base, chunk.ours, chunk.theirs
