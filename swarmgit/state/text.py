"""State files: text ↔ values of the model.

A value has one text: keys in the fields' order, `version: 1` first, no values that equal their default, UTC to the ms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import msgspec

from swarmgit.documents import paths
from swarmgit.errors import PersonMustAct, StateNewer, SwarmError
from swarmgit.model.desired import Problem
from swarmgit.model.mail import Mail
from swarmgit.model.queue import Entry, Event
from swarmgit.state import blocks, ledger

if TYPE_CHECKING:
    from swarmgit.documents.places import Node

T = TypeVar("T")

VERSION = 1
UPDATE = "use that one here, too: swarmgit --version"
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")
FILE_KEYS: Mapping[type, Mapping[str, str]] = {Mail: {"sender": "from"}}
"""Fields whose key in the file is a word that Python keeps for itself."""

PLACE = re.compile(r"(\d+):(\d+): (.*)", re.DOTALL)


def dump(value: object) -> bytes:
    """Return a value of the model as the text of a state file."""
    return blocks.write(plain(value)).encode()


def plain(value: object) -> dict[str, Any]:
    """Return a value as its file has it."""
    return {"version": VERSION, **_keys(_plain(value), FILE_KEYS.get(type(value), {}))}


def facts(event: Event) -> dict[str, Any]:
    """Return what an event of the ledger says, as its file has it."""
    said: dict[str, Any] = _plain(event).get("data", {})
    return said


def _keys(plain: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in plain.items()} if names else plain


def timestamp(at: datetime) -> str:
    """Return an aware instant as `2026-11-22T08:00:00.123Z`."""
    assert at.tzinfo is not None, "instants are aware"
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of the model becomes plain data
    if isinstance(value, Event):
        line = ledger.line_of(value)
        return _plain(msgspec.structs.replace(line, data=_plain(line.data)))  # sorted at every depth
    if isinstance(value, msgspec.Struct):
        return {
            name: _plain(item)
            for name, default in _defaults(type(value))
            if (item := getattr(value, name)) != default or default is msgspec.NODEFAULT
        }
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, _default(field)) for field in msgspec.structs.fields(kind))


def _default(field: msgspec.structs.FieldInfo) -> object:
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def load(path: str, data: bytes, kind: type[T]) -> T:
    """Return the value of a state file, or raise PersonMustAct that says where it is broken."""
    found = _quick(data)
    if found is None:
        found = _careful(path, data)
    version = found.pop("version", None)
    if type(version) is int and version > VERSION:
        raise StateNewer(f"{path}: the version is not {VERSION} but {version}: a newer swarmgit wrote it", UPDATE)
    if version != VERSION:
        raise _broken(path, data, ("version",), f"the version is not {VERSION}")
    keys = FILE_KEYS.get(kind, {})
    misused = next((key for key in keys if key in found), None)
    if misused:
        raise _broken(path, data, (misused,), f"unknown key '{misused}'; it is called '{keys[misused]}'")
    found = _keys(found, {key: name for name, key in keys.items()})
    try:
        if kind is Entry and isinstance(events := found.get("events"), list):
            found["events"] = ledger.typed(events)
        unknown = _unknown_key(found, kind, ())
        if unknown:
            raise _broken(path, data, unknown, f"unknown key '{unknown[-1]}'")
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        steps = tuple(keys.get(name, name) or int(index) for name, index in _STEP.findall(where))
        raise _broken(path, data, steps, message) from error


def _quick(data: bytes) -> dict[str, Any] | None:
    try:
        return blocks.read(data.decode())
    except UnicodeDecodeError:
        return None


def _careful(path: str, data: bytes) -> dict[str, Any]:
    node, problems = _with_places(path, data)
    if node is None or problems:
        raise PersonMustAct("; ".join(map(str, problems)), _hint(path))
    plain: dict[str, Any] = dict(node.data)
    return plain


def _with_places(path: str, data: bytes) -> tuple[Node | None, tuple[Problem, ...]]:
    # imported here: only a broken or hand-edited file needs the YAML library
    from swarmgit.documents import places

    return places.read(path, data, bytes_max=1 << 26, values_max=1 << 22)


def _broken(path: str, data: bytes, steps: tuple[str | int, ...], message: str) -> PersonMustAct:
    node, _ = _with_places(path, data)
    line, column = node.at(steps) if node else (1, 1)
    if node and steps and isinstance(steps[-1], str):
        line, column = node.key_at(steps[:-1], steps[-1])
    return PersonMustAct(f"{path}:{line}:{column}: {message}", _hint(path))


def problem_of(path: str, error: SwarmError) -> Problem:
    """Return what is wrong with a file, with the line and column that its error names."""
    placed = PLACE.fullmatch(error.message.removeprefix(f"{path}:"))
    line, column, words = (int(placed[1]), int(placed[2]), placed[3]) if placed else (0, 0, error.message)
    return Problem(path, line, column, f"{words}; {error.hint}" if error.hint else words)


def _hint(path: str) -> str:
    return f"see what changed it: {paths.history_of(path)}"


def _unknown_key(plain: Any, kind: Any, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:  # noqa: ANN401
    """Return the path of the first key that `kind` has no field for (msgspec would drop it in silence)."""
    if isinstance(plain, list):
        nested = (_unknown_key(item, kind, (*path, index)) for index, item in enumerate(plain))
        return next((found for found in nested if found), None)
    if not isinstance(plain, dict):
        return None
    known = _nested(kind)
    for key, value in plain.items():
        if key not in known:
            return (*path, key)
        inner = known[key]
        found = _unknown_key(value, inner, (*path, key)) if inner else None
        if found:
            return found
    return None


@cache
def _nested(kind: type) -> Mapping[str, type | None]:
    """Return a struct's fields, each with the struct in its type, if any."""
    return {name: _struct_in(hint) for name, hint in get_type_hints(kind).items()}


def _struct_in(hint: object) -> type | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for found in map(_struct_in, get_args(hint)) if found), None)
