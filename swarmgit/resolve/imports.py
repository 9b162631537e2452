"""Merging runs of Python import lines: each side's added names come in, each side's removed names go."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from swarmgit.resolve.syntax import Malformed, is_future, parse_python

Name = tuple[str, str, str]
"""What one imported name is: the statement's start, the name, its `as`."""

Around = tuple[Sequence[str], Sequence[str]]


def rank(start: str) -> tuple[bool, str]:
    """Return what orders import statements in most files: plain ones first, then by module."""
    return start.startswith("from"), start.lower()


def _module(start: str) -> str:
    return start.split(" ")[1].lower()


def _by_case(name: str) -> tuple[int, str]:
    """Return what orders names as import sorters do: constants, classes, the rest."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


ORDERS: tuple[Callable[[str], Any], ...] = (rank, _module)
NAME_ORDERS: tuple[Callable[[str], Any], ...] = (_by_case, str.lower, str)
SHOWN_MIN = 3
"""How many statements in a row show an order."""

REMOVED_MAX = 3
"""How many lines a side may have taken away; more is a new arrangement of the imports, which the other side lacks."""

LONG = 88
"""The longest `from x import …` line that is written when names were added to a line."""


def merge(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], around: Around = ((), ())
) -> list[str] | None:
    """Return the merged lines of a part that holds nothing but imports; None where it holds more, or they clash.

    `around`: the import lines just before and just after it, which show the order that the file keeps.
    """
    everything = (base, ours, theirs)
    if any(len([line for line in base if line not in side]) > REMOVED_MAX for side in (ours, theirs)):
        return None
    sides = [statements(lines) for lines in everything]
    if any(side and any(not start.endswith(" ") and start.startswith("from") for start in side) for side in sides):
        sides = [statements(lines, whole=True) for lines in everything]
    if any(side is None for side in sides):
        return None
    was, mine, others = (side or {} for side in sides)
    starts = [*mine, *(start for start in others if start not in mine)]
    found: dict[str, list[str]] = {}
    for start in starts:
        lines = _statement(start, was.get(start), mine.get(start), others.get(start))
        if lines is None:
            return None
        if lines:
            found[start] = lines
    if _clash(found):
        return None
    order = _order(list(found), [list(was), list(mine), list(others)], around)
    return None if order is None else [line for start in order for line in found[start]]


def _order(starts: list[str], sides: Sequence[list[str]], around: Around) -> list[str] | None:
    """Return the starts in the order that the file keeps; None where both sides added and it keeps none."""
    was, mine, others = sides
    before, after = (_starts_of(lines) for lines in around)
    for key in ORDERS:
        runs = [[*before, *side, *after] for side in (mine, others)]
        if all(run == sorted(run, key=key) for run in runs) and max(map(len, runs)) >= SHOWN_MIN:
            return sorted(starts, key=key)
    both_added = set(mine) - set(was) and set(others) - set(was)
    return None if both_added else starts


def _starts_of(lines: Sequence[str]) -> list[str]:
    """Return the starts of one-line imports that stand beside a hunk; lines are nearest last or nearest first."""
    found = statements(lines) or {}
    return list(found)


def statements(lines: Sequence[str], *, whole: bool = False) -> dict[str, list[str]] | None:
    """Return the lines of each import by what it imports from; None where something else stands there as well.

    `whole`: by the whole statement instead, which is the form where a module is imported from more than once.
    """
    if not lines:
        return {}
    indent = re.match(r"[ \t]*", lines[0])
    pad = indent.group() if indent else ""
    if any(line.strip() and not line.startswith(pad) for line in lines) or not all(line.strip() for line in lines):
        return None
    try:
        tree = parse_python("".join(line[len(pad) :] for line in lines))
    except Malformed:
        return None
    found: dict[str, list[str]] = {}
    at = 1
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom) or is_future(node) or node.lineno != at:
            return None
        end = node.end_lineno or at
        start = _start(node, whole=whole)
        if start in found:
            return statements(lines, whole=True) if not whole else None
        found[start] = list(lines[at - 1 : end])
        at = end + 1
    return found if at == len(lines) + 1 else None


def _start(node: ast.Import | ast.ImportFrom, *, whole: bool) -> str:
    if isinstance(node, ast.ImportFrom) and not whole:
        return f"from {'.' * node.level}{node.module or ''} import "
    return ast.unparse(node)


def _statement(start: str, was: list[str] | None, mine: list[str] | None, others: list[str] | None) -> list[str] | None:
    """Return the lines of one statement: empty when it goes, None when the sides clash."""
    if others in (mine, was):
        return mine or []
    if mine == was:
        return others or []
    if mine is None or others is None or not start.startswith("from ") or not start.endswith(" "):
        return None
    names = [_names(side or [], start) for side in (was, mine, others)]
    if any(side is None for side in names):
        return None
    before, own, other = (side or [] for side in names)
    kept = [name for name in own if name in other or name not in before]
    kept += [name for name in other if name not in own and name not in before]
    if not kept:
        return None
    key = next((key for key in NAME_ORDERS if len(before) > 1 and before == sorted(before, key=key)), None)
    if key is not None:
        kept.sort(key=key)
    elif set(own) - set(before) and set(other) - set(before):
        return None  # both added, and nothing says in which order they go
    return _written(kept, start, mine)


def _names(lines: Sequence[str], start: str) -> list[str] | None:
    text = "".join(lines)
    if "#" in text or "\\" in text or not text:
        return None if text else []
    found = text.strip()[len(start) :].strip() if text.strip().startswith(start) else None
    if found is None:
        return None
    return [" ".join(name.split()) for name in found.strip("()").split(",") if name.strip()]


def _written(names: Sequence[str], start: str, like: Sequence[str]) -> list[str] | None:
    """Return the statement in the form that `like` has: one line, or one name a line in brackets."""
    pad = like[0][: len(like[0]) - len(like[0].lstrip())]
    end = "\r\n" if like[0].endswith("\r\n") else "\n"
    if len(like) == 1:
        inner = ", ".join(names)
        line = f"{pad}{start}({inner}){end}" if "(" in like[0] else f"{pad}{start}{inner}{end}"
        return [line] if len(line) <= LONG or len(like[0]) > LONG else None
    inner_pad = like[1][: len(like[1]) - len(like[1].lstrip())]
    if any(line.count(",") > 1 for line in like) or like[-1].strip() != ")":
        return None
    return [like[0], *(f"{inner_pad}{name},{end}" for name in names), like[-1]]


def _clash(found: dict[str, list[str]]) -> bool:
    """Return whether two statements bind one name."""
    bound: set[str] = set()
    for lines in found.values():
        try:
            node = parse_python("".join(lines).strip()).body[0]
        except Malformed:
            return True
        assert isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names:
            binds = name.asname or name.name
            if binds in bound:
                return True
            bound.add(binds)
    return False
