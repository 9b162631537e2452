"""State files: text ↔ the values of `model/status.py` and `model/queue.py`; and JSON for caches and session files.
A value has one text: keys in the fields' order, `version: 1` first, no values that equal their default, UTC to the ms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import msgspec

from swarmgit.documents import blocks, ledger, migrations, paths
from swarmgit.errors import PersonMustAct, StateNewer
from swarmgit.model.control import (
    Acknowledgement,
    EntryControl,
    Freeze,
    LandingControl,
    QueueControl,
    TaskControl,
    Verdict,
)
from swarmgit.model.convoys import ConvoyStatus
from swarmgit.model.histories import Followed, GateHistory
from swarmgit.model.incidents import IncidentControl
from swarmgit.model.mail import Mail, MailControl
from swarmgit.model.queue import Entry, Event
from swarmgit.model.status import Identity, TaskStatus

if TYPE_CHECKING:
    from swarmgit.documents.places import Node
    from swarmgit.model.desired import Problem

T = TypeVar("T")

VERSION = 1
UPDATE = "use that one here, too: swarmgit --version"
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")
FILE_KEYS: Mapping[type, Mapping[str, str]] = {Mail: {"sender": "from"}}
"""Fields whose key in the file is a word that Python keeps for itself."""

_ENCODER = msgspec.json.Encoder(order="deterministic")


def dump(value: object) -> bytes:
    """Return a value of the model as the text of a state file."""
    return _dump(value)


def load(path: str, data: bytes, kind: type[T]) -> T:
    """Return the value of a state file, or raise PersonMustAct that says where it is broken."""
    return _load(path, data, kind)


def dump_status(value: TaskStatus) -> bytes:
    return _dump(value)


def load_status(path: str, data: bytes) -> TaskStatus:
    return migrations.status(_load(path, data, TaskStatus))


def dump_entry(value: Entry) -> bytes:
    return _dump(value)


def load_entry(path: str, data: bytes) -> Entry:
    return _load(path, data, Entry)


def dump_identity(value: Identity) -> bytes:
    return _dump(value)


def load_identity(path: str, data: bytes) -> Identity:
    return _load(path, data, Identity)


def dump_gate_history(value: GateHistory) -> bytes:
    return _dump(value)


def load_gate_history(path: str, data: bytes) -> GateHistory:
    return _load(path, data, GateHistory)


def dump_convoy_status(value: ConvoyStatus) -> bytes:
    return _dump(value)


def load_convoy_status(path: str, data: bytes) -> ConvoyStatus:
    return _load(path, data, ConvoyStatus)


def dump_control(value: TaskControl) -> bytes:
    return _dump(value)


def load_control(path: str, data: bytes) -> TaskControl:
    return _load(path, data, TaskControl)


def dump_queue_control(value: QueueControl) -> bytes:
    return _dump(value)


def load_queue_control(path: str, data: bytes) -> QueueControl:
    return _load(path, data, QueueControl)


def dump_entry_control(value: EntryControl) -> bytes:
    return _dump(value)


def load_entry_control(path: str, data: bytes) -> EntryControl:
    return _load(path, data, EntryControl)


def dump_mail(value: Mail) -> bytes:
    return _dump(value)


def load_mail(path: str, data: bytes) -> Mail:
    return _load(path, data, Mail)


def plain_mail(value: Mail) -> dict[str, Any]:
    """Return a message as its file has it."""
    return {"version": VERSION, **_keys(_plain(value), FILE_KEYS[Mail])}


def dump_mail_control(value: MailControl) -> bytes:
    return _dump(value)


def load_mail_control(path: str, data: bytes) -> MailControl:
    return _load(path, data, MailControl)


def dump_incident_control(value: IncidentControl) -> bytes:
    return _dump(value)


def load_incident_control(path: str, data: bytes) -> IncidentControl:
    return _load(path, data, IncidentControl)


dump_verdict = dump_followed = dump_freeze = dump
load_followed = partial(load, kind=Followed)
load_freeze = partial(load, kind=Freeze)
load_verdict = partial(load, kind=Verdict)
load_landing_control = partial(load, kind=LandingControl)
load_acknowledgement = partial(load, kind=Acknowledgement)


def facts(event: Event) -> dict[str, Any]:
    """Return what an event of the ledger says, as its file has it."""
    said: dict[str, Any] = _plain(event).get("data", {})
    return said


def to_json(value: object) -> bytes:
    """Return a value of the model as JSON, always the same for the same value."""
    return _ENCODER.encode(value)


def from_json(data: bytes, kind: type[T]) -> T:
    """Return the value that `to_json` wrote; ValueError for anything else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _dump(value: object) -> bytes:
    return blocks.write({"version": VERSION, **_keys(_plain(value), FILE_KEYS.get(type(value), {}))}).encode()


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


def _load(path: str, data: bytes, kind: type[T]) -> T:
    plain = _quick(data)
    if plain is None:
        plain = _careful(path, data)
    version = plain.pop("version", None)
    if type(version) is int and version > VERSION:
        raise StateNewer(f"{path}: the version is not {VERSION} but {version}: a newer swarmgit wrote it", UPDATE)
    if version != VERSION:
        raise _broken(path, data, ("version",), f"the version is not {VERSION}")
    keys = FILE_KEYS.get(kind, {})
    misused = next((key for key in keys if key in plain), None)
    if misused:
        raise _broken(path, data, (misused,), f"unknown key '{misused}'; it is called '{keys[misused]}'")
    plain = _keys(plain, {key: name for name, key in keys.items()})
    try:
        if kind is Entry and isinstance(events := plain.get("events"), list):
            plain["events"] = ledger.typed(events)
        unknown = _unknown_key(plain, kind, ())
        if unknown:
            raise _broken(path, data, unknown, f"unknown key '{unknown[-1]}'")
        return msgspec.convert(plain, kind)
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
