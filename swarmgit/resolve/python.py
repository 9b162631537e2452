"""Cutting Python into entities by its syntax tree: definitions, imports, statements."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence

from swarmgit.resolve import entities
from swarmgit.resolve.entities import Block, Clash, Entity, Opened
from swarmgit.resolve.hunks import lines_of
from swarmgit.resolve.syntax import Malformed, parse_python

Compound = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.With | ast.AsyncWith


def merge(base: str, ours: str, theirs: str) -> str | None:
    """Return the merged text of three whose last lines are complete; None where they clash or one is malformed."""
    try:
        was, mine, others = (_module(text) for text in (base, ours, theirs))
        return "".join(entities.merge(was, mine, others))
    except (Clash, Malformed, RecursionError):
        return None


def _module(text: str) -> Block:
    lines = lines_of(text)
    return _block(lines, parse_python(text).body, 0, len(lines))


def _block(lines: Sequence[str], body: Sequence[ast.stmt], start: int, end: int) -> Block:
    """Cut lines [start, end) of a file, which hold exactly `body`, into its statements."""
    found: dict[str, Entity] = {}
    seen: Counter[str] = Counter()
    at = start
    for node in body:
        first, last = _first_line(node) - 1, node.end_lineno or node.lineno
        if first < at:
            raise Clash  # two statements on one line
        kind, name = _key(node)
        seen[name] += 1
        key = f"{name}#{seen[name]}" if seen[name] > 1 else name
        shape = type(node).__name__ if isinstance(node, Compound) else ""
        found[key] = Entity(key, kind, tuple(lines[at:first]), tuple(lines[first:last]), shape, _opener(lines, node))
        at = last
    return Block(found, tuple(lines[at:end]))


def _first_line(node: ast.stmt) -> int:
    """Return the line of a statement or its first decorator, counted from 1."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _key(node: ast.stmt) -> tuple[str, str]:
    """Return kind and name of a statement."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return "def", f"def {node.name}"
        case ast.Import():
            return "import", ast.unparse(node)
        case ast.ImportFrom():
            return "import", f"from {'.' * node.level}{node.module or ''}"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return "", f"= {name}"
        case _:
            return "", ast.dump(node)


class _opener:  # noqa: N801  a function with its arguments kept
    """Cuts one statement open when that is asked for."""

    def __init__(self, lines: Sequence[str], node: ast.stmt) -> None:
        self._lines = lines
        self._node = node

    def __call__(self) -> Opened | None:
        """Return the statement's header and body; None where they share a line or it has none."""
        node = self._node
        if not isinstance(node, Compound):
            return None
        start, end = _header_end(node), node.end_lineno or node.lineno
        if node.body[0].lineno <= start:
            return None
        head = tuple(self._lines[_first_line(node) - 1 : start])
        return Opened(head, _block(self._lines, node.body, start, end))


def _header_end(node: Compound) -> int:
    """Return the last line of what stands before the body, as far as nodes tell."""
    parts: list[ast.AST] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parts = [node.args, *([node.returns] if node.returns else [])]
    elif isinstance(node, ast.ClassDef):
        parts = [*node.bases, *node.keywords]
    else:
        parts = [*node.items]
    ends = [getattr(child, "end_lineno", 0) or 0 for part in parts for child in ast.walk(part)]
    return max([node.lineno, *ends])
