"""YAML text → plain data that remembers where every value stood.

Only what YAML 1.2's core schema knows is more than text: `true`, `false`, `null` and finite numbers. So `yes`, `on`
and dates stay text. Aliases are understood, but counted as often as they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import yaml
from msgspec import Struct, field

from swarmgit.documents.scalars import Scalar, scalar
from swarmgit.model.desired import Problem

BYTES_MAX = 1 << 20
DEPTH_MAX = 40
VALUES_MAX = 20_000

PARSERS: tuple[Any, ...] = (getattr(yaml, "CSafeLoader", yaml.SafeLoader), yaml.SafeLoader)
"""PyYAML's parsers, the one in C first where it is there; both give the same events."""
_MARKER = re.compile(r"(<<<<<<<|>>>>>>>)( |$)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})


class Place(NamedTuple):
    """A position in a file; both count from 1."""

    line: int
    column: int


class Node(Struct):
    """One value: `data` is plain Python data, `items` its children by key or index, `keys` where each key stands.

    `size` counts the values in it as if every alias were written out.
    """

    data: Any
    place: Place
    items: dict[Any, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    size: int = 1

    def at(self, path: tuple[str | int, ...]) -> Place:
        """Return where the value at `path` stands, or the innermost value on the way to it that exists."""
        node = self
        for step in path:
            if step not in node.items:
                break
            node = node.items[step]
        return node.place

    def key_at(self, path: tuple[str | int, ...], key: str) -> Place:
        """Return where `key` of the mapping at `path` stands, or the mapping's own place."""
        node = self
        for step in path:
            node = node.items[step]
        return node.keys.get(key, node.place)


class _Refused(Exception):
    def __init__(self, place: Place, message: str, *, is_depth: bool = False) -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.is_depth = is_depth


def read(
    file: str,
    data: bytes,
    *,
    bytes_max: int = BYTES_MAX,
    values_max: int = VALUES_MAX,
    parser: Callable[[str], _Events] = PARSERS[0],
) -> tuple[Node | None, tuple[Problem, ...]]:
    """Return the mapping that a document holds, and every problem found; None where there is no mapping to judge.

    Of a repeated key the first value is kept, so that the rest of the document can be judged as well.
    """
    text, problems = decode(file, data, bytes_max)
    if text is None:
        return None, problems
    builder = _Builder(parser(text), values_max)
    try:
        node = builder.document()
    except _Refused as refused:
        return None, (*builder.problems(file), Problem(file, *refused.place, refused.message))
    except yaml.MarkedYAMLError as error:
        problem = _too_deep(file, text, error) or _syntax_problem(file, text, error)
        return None, (*builder.problems(file), problem)
    except yaml.YAMLError as error:
        return None, (*builder.problems(file), Problem(file, 0, 0, f"not valid YAML: {error}"))
    finally:
        builder.close()
    return node, builder.problems(file)


def decode(file: str, data: bytes, bytes_max: int = BYTES_MAX) -> tuple[str | None, tuple[Problem, ...]]:
    """Return a document's text without a byte order mark, or what keeps it from being read as text at all."""
    if len(data) > bytes_max:
        return None, (Problem(file, 0, 0, f"too large: {len(data)} bytes, at most {bytes_max} are read"),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return None, (Problem(file, line, column, f"not UTF-8 text: byte 0x{data[error.start]:02x}"),)
    problems = _marker_problems(file, text)
    control = _CONTROL.search(text)
    if control and not problems:
        place = _place_of(text, control.start())
        problems = (Problem(file, *place, f"control character 0x{ord(control.group()):02x} is not allowed"),)
    return (None if problems else text), problems


def _marker_problems(file: str, text: str) -> tuple[Problem, ...]:
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return ()
    found = [(number, line[:7]) for number, line in enumerate(text.splitlines(), 1) if _MARKER.match(line)]
    starts = [(number, marker) for number, marker in found if marker == "<<<<<<<"]
    return tuple(
        Problem(file, number, 1, f"conflict marker '{marker}'; resolve the conflict and commit the file again")
        for number, marker in starts or found
    )


def _place_of(text: str, offset: int) -> Place:
    return Place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _too_deep(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem | None:
    """Return where brackets are nested too deeply, when that is why a parser gave up.

    libyaml reads ahead and has a limit of its own, which differs between releases. So its events may end before ours
    is met. Only what stands before its error is counted.
    """
    end = error.problem_mark.index if error.problem_mark else len(text)
    before = text[:end]
    if before.count("[") + before.count("{") <= DEPTH_MAX:
        return None
    builder = _Builder(yaml.SafeLoader(before), VALUES_MAX)
    try:
        builder.document()
    except _Refused as refused:
        return Problem(file, *refused.place, refused.message) if refused.is_depth else None
    except yaml.YAMLError:
        return None
    finally:
        builder.close()
    return None


def _syntax_problem(file: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(0, 0)
    lines = text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return Problem(file, place.line, indent.index("\t") + 1, "a tab indents this line; YAML wants spaces")
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(file, *place, f"not valid YAML: {words}")


class _Events(Protocol):
    """The part of PyYAML's loaders that both the C and the Python parser have."""

    def get_event(self) -> Any: ...  # noqa: ANN401 - which event it is follows from check_event
    def check_event(self, *choices: type) -> bool: ...
    def dispose(self) -> None: ...


class _Builder:
    """Builds one document from parse events, so that depth, aliases and repeated keys are ours to judge."""

    def __init__(self, loader: _Events, values_max: int) -> None:
        self.loader = loader
        self.values_max = values_max
        self.anchors: dict[str, Node | None] = {}
        self.repeated: list[tuple[Place, str]] = []
        self.count = 0

    def close(self) -> None:
        self.loader.dispose()

    def problems(self, file: str) -> tuple[Problem, ...]:
        return tuple(Problem(file, *place, message) for place, message in self.repeated)

    def document(self) -> Node:
        self.loader.get_event()
        if self.loader.check_event(yaml.StreamEndEvent):
            raise _Refused(Place(1, 1), "the file is empty; it must at least say 'version: 1'")
        self.loader.get_event()
        node = self.node(self.loader.get_event(), 0)
        self.loader.get_event()
        after = self.loader.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Refused(_start(after), "a second document starts here; one file holds one document")
        if not isinstance(node.data, dict):
            if node.data is None:
                raise _Refused(Place(1, 1), "the file is empty; it must at least say 'version: 1'")
            raise _Refused(node.place, "expected 'key: value' lines at the top of the document")
        return node

    def node(self, event: yaml.Event, depth: int) -> Node:
        place = _start(event)
        if depth > DEPTH_MAX:
            raise _Refused(place, f"nested too deeply; at most {DEPTH_MAX} levels are read", is_depth=True)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, place)
        assert isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent)
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = Node(_scalar_data(event, place), place)
            self.counted(1, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self.sequence(place, event, depth)
        else:
            node = self.mapping(place, event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def counted(self, size: int, place: Place) -> None:
        self.count += size
        if self.count > self.values_max:
            raise _Refused(place, f"too many values; at most {self.values_max} are read, aliases written out")

    def alias(self, event: yaml.AliasEvent, place: Place) -> Node:
        if event.anchor not in self.anchors:
            raise _Refused(place, f"the alias '*{event.anchor}' has no anchor '&{event.anchor}' before it")
        node = self.anchors[event.anchor]
        if node is None:
            raise _Refused(place, f"the alias '*{event.anchor}' stands inside its own anchor")
        self.counted(node.size, place)
        return node

    def sequence(self, place: Place, event: yaml.SequenceStartEvent, depth: int) -> Node:
        _refuse_tag(event, place, "tag:yaml.org,2002:seq")
        node = Node([], place)
        self.counted(1, place)
        while not self.loader.check_event(yaml.SequenceEndEvent):
            item = self.node(self.loader.get_event(), depth + 1)
            node.items[len(node.data)] = item
            node.data.append(item.data)
            node.size += item.size
        self.loader.get_event()
        return node

    def mapping(self, place: Place, event: yaml.MappingStartEvent, depth: int) -> Node:
        _refuse_tag(event, place, "tag:yaml.org,2002:map")
        node = Node({}, place)
        self.counted(1, place)
        while not self.loader.check_event(yaml.MappingEndEvent):
            key_event = self.loader.get_event()
            key_place = _start(key_event)
            if not isinstance(key_event, yaml.ScalarEvent):
                raise _Refused(key_place, "a key must be plain text")
            key = key_event.value
            item = self.node(self.loader.get_event(), depth + 1)
            if key in node.keys:
                first = node.keys[key].line
                self.repeated.append((key_place, f"repeated key '{key}'; it already stands in line {first}"))
                continue
            node.keys[key] = key_place
            node.items[key] = item
            node.data[key] = item.data
            node.size += item.size
        self.loader.get_event()
        return node


def _start(event: yaml.Event) -> Place:
    assert event.start_mark is not None
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _refuse_tag(event: yaml.CollectionStartEvent, place: Place, allowed: str) -> None:
    if event.tag not in {None, "!", allowed}:
        raise _Refused(place, f"the tag '{event.tag}' is not supported")


def _scalar_data(event: yaml.ScalarEvent, place: Place) -> Scalar:
    if event.tag not in _TEXT_TAGS:
        raise _Refused(place, f"the tag '{event.tag}' is not supported")
    if event.tag is None and event.implicit[0] and not event.style:
        return scalar(event.value)
    text: str = event.value
    return text
