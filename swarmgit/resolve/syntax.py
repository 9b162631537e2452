"""Which language a file is in, whether a text is well-formed in it, and its meaning in a form that can be compared."""

from __future__ import annotations

import ast
import json
import re
import tomllib
import warnings
from typing import Any

import yaml

LANGUAGES = {
    "py": "python", "pyi": "python", "json": "json", "toml": "toml", "yaml": "yaml", "yml": "yaml",
}  # fmt: skip
MARKER = re.compile(r"^(<{7,}|\|{7,}|>{7,})(?: |$)", re.MULTILINE)
DATA_DEPTH_MAX = 200
DATA_VALUES_MAX = 200_000

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Malformed(Exception):
    """The text is not well-formed in its language."""


def language(path: str) -> str | None:
    """Return 'python', 'json', 'toml' or 'yaml' by a path's ending, else None."""
    name = path.rsplit("/", 1)[-1]
    return LANGUAGES.get(name.rsplit(".", 1)[-1].lower()) if "." in name else None


def has_markers(text: str) -> bool:
    """Return whether a text holds lines that look like conflict markers."""
    return MARKER.search(text) is not None


def parse_python(text: str) -> ast.Module:
    """Return the syntax tree, or raise Malformed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Malformed(str(error)) from None


def compiles(text: str) -> bool:
    """Return whether Python takes a text as a module: also what only its compiler refuses. Nothing is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "merged", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def parse_data(text: str, kind: str) -> Any:  # noqa: ANN401  whatever the document holds
    """Return the value of a JSON, TOML or YAML text, or raise Malformed. Repeated keys are malformed, too."""
    try:
        if kind == "json":
            return json.loads(text, object_pairs_hook=_unique)
        if kind == "toml":
            return tomllib.loads(text)
        return _yaml(text)
    except (ValueError, RecursionError, MemoryError, yaml.YAMLError) as error:
        raise Malformed(str(error)) from None


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) != len(items):
        raise Malformed("a key stands twice in one object")
    return found


def _yaml(text: str) -> Any:  # noqa: ANN401
    """Return the documents as plain nodes (kind, content): tags that no program knows are no obstacle."""
    left = [DATA_VALUES_MAX]
    return [_plain(node, 0, left) for node in yaml.compose_all(text, Loader=LOADER)]


def _plain(node: yaml.Node | None, depth: int, left: list[int]) -> Any:  # noqa: ANN401
    """`left`: how many more values there may be; aliases of aliases are small to write and endless to write out."""
    left[0] -= 1
    if depth > DATA_DEPTH_MAX or left[0] < 0:
        raise Malformed("nested too deeply, or too many values")
    if isinstance(node, yaml.MappingNode):
        items = [(str(_plain(key, depth + 1, left)), _plain(value, depth + 1, left)) for key, value in node.value]
        return _unique(items)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, depth + 1, left) for item in node.value]
    return None if node is None else f"{node.tag} {node.value}"


def is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
