"""Cutting JSON, TOML and YAML into entities: keys with the lines of their values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import partial

import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.resolve import entities
from swarmgit.resolve.entities import Block, Clash, Entity, Opened
from swarmgit.resolve.hunks import lines_of
from swarmgit.resolve.syntax import LOADER, Malformed, parse_data

HEADER = re.compile(r"\s*\[{1,2}[^\[\]]+\]{1,2}\s*(#.*)?$")
VALUE_LINES_MAX = 400


def merge(base: str, ours: str, theirs: str, language: str) -> str | None:
    """Return the merged text of three whose last lines are complete; None where they clash or one is malformed."""
    try:
        was, mine, others = (
            _toml(text) if language == "toml" else _tree(text, language) for text in (base, ours, theirs)
        )
        head, foot = (
            entities.plain(*sides) for sides in ((was.head, mine.head, others.head), (was.foot, mine.foot, others.foot))
        )
        return "".join([*head, *entities.merge(was.body, mine.body, others.body), *foot])
    except (Clash, Malformed, RecursionError, ValueError, yaml.YAMLError):
        return None


# --- JSON and YAML: by the places that the YAML reader gives ---------------------------------------------------------


def _tree(text: str, language: str) -> Opened:
    lines = lines_of(text)
    if not lines:
        return Opened((), Block({}, (), commas=language == "json"))
    node = yaml.compose(text, Loader=LOADER)
    if not isinstance(node, yaml.MappingNode) or text.startswith("\ufeff"):
        raise Clash
    if language == "json":
        parse_data(text, language)
    elif node.flow_style:
        raise Clash
    if language == "yaml":
        return Opened((), _mapping(lines, node, 0, len(lines)))
    found = _braces(lines, node)
    if found is None:
        raise Clash
    return replace(
        found, head=(*lines[: node.start_mark.line], *found.head), foot=(*found.foot, *lines[node.end_mark.line + 1 :])
    )


def _braces(lines: Sequence[str], node: yaml.MappingNode) -> Opened | None:
    """Return a JSON object whose brackets stand at a line's end and on a line of their own; None for any other."""
    start, end = node.start_mark.line, node.end_mark.line
    if (
        start == end
        or lines[start][node.start_mark.column + 1 :].strip()
        or lines[end][: node.end_mark.column - 1].strip()
    ):
        return None
    body = _mapping(lines, node, start + 1, end)
    bare = {key: replace(entity, lines=_without_comma(entity.lines)) for key, entity in body.entities.items()}
    return Opened((lines[start],), Block(bare, body.tail, commas=True), (lines[end].replace("},", "}", 1),))


def _without_comma(lines: tuple[str, ...]) -> tuple[str, ...]:
    bare = lines[-1].rstrip()
    end = lines[-1][len(bare) :]
    return (*lines[:-1], bare.removesuffix(",") + end)


def _mapping(lines: Sequence[str], node: yaml.MappingNode, start: int, end: int) -> Block:
    """Cut lines [start, end), which hold exactly this mapping, into its keys."""
    firsts = [key.start_mark.line for key, _ in node.value]
    if len(set(firsts)) != len(firsts) or firsts != sorted(firsts) or (firsts and firsts[0] < start):
        raise Clash  # several keys on one line
    found: dict[str, Entity] = {}
    at = start
    for (key, value), first, following in zip(node.value, firsts, [*firsts[1:], end], strict=True):
        last = following
        while last > first + 1 and _is_between(lines[last - 1]) and last - 1 > _last_line(value):
            last -= 1
        name = str(getattr(key, "value", ""))
        if name in found or not lines[first][: key.start_mark.column].strip() == "":
            raise Clash
        is_open = isinstance(value, yaml.MappingNode) and value.value and value.flow_style == node.flow_style
        shape = "mapping" if is_open else ""
        opened = partial(_value, lines, value, first, last) if shape else None
        found[name] = Entity(name, "key", tuple(lines[at:first]), tuple(lines[first:last]), shape, opened)
        at = last
    return Block(found, tuple(lines[at:end]))


def _value(lines: Sequence[str], value: yaml.MappingNode, first: int, last: int) -> Opened | None:
    if value.flow_style:
        return _braces(lines, value)
    start = value.start_mark.line
    return None if start == first else Opened(tuple(lines[first:start]), _mapping(lines, value, start, last))


def _is_between(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _last_line(value: yaml.Node) -> int:
    """Return the last line that is surely part of a value: block text may end in lines that look like comments."""
    is_text = isinstance(value, yaml.ScalarNode) and value.style in {"|", ">"}
    return int(value.end_mark.line) if is_text else int(value.start_mark.line)


# --- TOML: by lines, each value as long as it takes to be complete ---------------------------------------------------


class _Table(Struct):
    """A table that is being read: its header line and what stands before it, its keys."""

    name: str = ""
    head: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    keys: dict[str, Entity] = field(default_factory=dict)

    def entity(self) -> Entity:
        body = tuple(line for entity in self.keys.values() for line in (*entity.lead, *entity.lines))
        opened = Opened(self.head, Block(self.keys, ()))
        return Entity(self.name, "key", self.lead, (*self.head, *body), "table", lambda: opened)


def _toml(text: str) -> Opened:
    """Cut a text into its tables, the keys before the first of them as a table without a name."""
    lines = lines_of(text)
    tables = [_Table()]
    at = first = 0
    while at < len(lines):
        if _is_between(lines[at]):
            at += 1
            continue
        between = tuple(lines[first:at])
        if HEADER.match(lines[at]):
            tables.append(_Table(lines[at].split("#")[0].strip(), (lines[at],), between))
            at = first = at + 1
            continue
        end, key = _statement_end(lines, at), lines[at].split("=")[0].strip()
        if key in tables[-1].keys:
            raise Clash
        tables[-1].keys[key] = Entity(key, "key", between, tuple(lines[at:end]))
        at = first = end
    found = {table.name: table.entity() for table in tables}
    if len(found) != len(tables):
        raise Clash  # an array of tables
    return Opened((), Block(found, tuple(lines[first:])))


def _statement_end(lines: Sequence[str], start: int) -> int:
    """Return the line after a key's value, which may go over several lines."""
    for end in range(start + 1, min(len(lines), start + VALUE_LINES_MAX) + 1):
        try:
            tomllib.loads("".join(lines[start:end]))
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
        return end
    raise Clash
