"""The shape of the code (STYLE): files, functions, parameters, nesting. An exception has its reason beside it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for path in (ROOT / "swarmgit").rglob("*.py") if "_demo" not in path.parts)

FILE_LINES_MAX = 310
FUNCTION_LINES_MAX = 42
PARAMETERS_MAX = 6
NESTING_MAX = 3

FILE_ALLOWED: dict[str, str] = {}
FUNCTION_ALLOWED: dict[str, str] = {}
PARAMETERS_ALLOWED: dict[str, str] = {}
NESTING_ALLOWED = {
    "swarmgit/adapters/git/scan.py:_walk": "one pass over a tree that an agent shaped, bounded in depth and number",
    "swarmgit/adapters/git/scan.py:_files_of_repository": "the same pass, for what is saved although it is refused",
    "swarmgit/desired/assemble.py:try_earlier": "versions by paths, left as soon as every path has its good version",
    "swarmgit/desired/assemble.py:restore_clashes": "versions by clashes, left as soon as every clash is settled",
    "swarmgit/documents/reports/counts.py:count_tests": "lines by readers; the first reader that knows a line takes it",
}
BANNED_MODULES = {"utils", "helpers", "common", "core", "manager", "service"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|\b[Nn]ot implemented\b")

NESTING = (ast.If, ast.For, ast.While, ast.Try, ast.Match)
"""What makes a reader keep a condition in mind; `with` does not."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def functions(path: Path) -> tuple[tuple[str, Function], ...]:
    nodes = (node for node in ast.walk(parsed(path)) if isinstance(node, Function))
    return tuple((f"{name_of(path)}:{node.name}", node) for node in nodes)


def code_lines(function: Function) -> int:
    """Return the lines of a function without its docstring and its decorators."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        doc = function.body[0]
        assert doc.end_lineno is not None
        lines -= doc.end_lineno - doc.lineno + 1
    return lines


def depth(node: ast.AST, here: int = 0) -> int:
    """Return how deep blocks are nested; `elif` is no deeper than its `if`."""
    deepest = here
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, Function | ast.Lambda | ast.ClassDef):
                continue
            is_elif = isinstance(node, ast.If) and field == "orelse" and isinstance(child, ast.If)
            deeper = isinstance(child, NESTING) and not is_elif
            deepest = max(deepest, depth(child, here + deeper))
    return deepest


def parameters(function: Function) -> int:
    given = function.args
    named = [*given.posonlyargs, *given.args]
    own = [each for each in named if each.arg not in {"self", "cls"}]
    return len(own) + len(given.kwonlyargs) + bool(given.vararg) + bool(given.kwarg)


def is_command(function: Function) -> bool:
    """A click command's parameters are its options: a person's, not a caller's."""
    return any("command" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_a_file_fits_a_few_screens() -> None:
    found = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {n: c for n, c in found.items() if c > FILE_LINES_MAX and n not in FILE_ALLOWED} == {}


def test_a_function_fits_one_screen() -> None:
    found = {name: code_lines(node) for path in SOURCES for name, node in functions(path)}
    assert {n: c for n, c in found.items() if c > FUNCTION_LINES_MAX and n not in FUNCTION_ALLOWED} == {}


def test_a_function_takes_at_most_six_parameters() -> None:
    found = {n: parameters(node) for path in SOURCES for n, node in functions(path) if not is_command(node)}
    assert {n: c for n, c in found.items() if c > PARAMETERS_MAX and n not in PARAMETERS_ALLOWED} == {}


def test_blocks_are_nested_at_most_three_deep() -> None:
    found = {name: depth(node) for path in SOURCES for name, node in functions(path)}
    assert {n: c for n, c in found.items() if c > NESTING_MAX and n not in NESTING_ALLOWED} == {}


def test_every_exception_is_still_needed() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    lengths = {name: code_lines(node) for path in SOURCES for name, node in functions(path)}
    assert {n for n in FILE_ALLOWED if sizes.get(n, 0) <= FILE_LINES_MAX} == set()
    depths = {name: depth(node) for path in SOURCES for name, node in functions(path)}
    assert {n for n in FUNCTION_ALLOWED if lengths.get(n, 0) <= FUNCTION_LINES_MAX} == set()
    assert {n for n in NESTING_ALLOWED if depths.get(n, 0) <= NESTING_MAX} == set()


def test_no_module_is_a_drawer_for_everything() -> None:
    assert [
        name_of(path) for path in SOURCES if path.stem in BANNED_MODULES or path.parent.name in BANNED_MODULES
    ] == []


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    missing = [
        name_of(path)
        for path in SOURCES
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(parsed(path))
    ]
    assert missing == []
