"""Events of the ledger as a file has them: when, the kind, and in `data` what an event of that kind says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import Struct, field

from swarmgit.model.queue import Event, LedgerEvent, Unknown


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One item of `events`."""

    at: datetime
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


TYPES: Mapping[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(LedgerEvent) if kind is not Unknown
}
COMMON = frozenset(each.name for each in msgspec.structs.fields(Event))


@cache
def keys_of(kind: type[Event]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return the keys that `data` may have in events of a kind, each with its field."""
    if kind is Unknown:
        return {}
    return {each.encode_name: each for each in msgspec.structs.fields(kind) if each.name not in COMMON}


def line_of(event: Event) -> Line:
    """Return an event as its file has it; values in `data` are still those of the model."""
    said = {
        key: value
        for key, each in keys_of(type(event)).items()
        if (value := getattr(event, each.name)) != each.default or each.required
    }
    return Line(event.at, event.kind, {**said, **event.more})


def typed(lines: Iterable[Any]) -> list[Event]:
    """Return the events of a file; ValidationError, in msgspec's own form, names the event and the place."""
    return [_typed(number, line) for number, line in enumerate(lines)]


def _typed(number: int, raw: object) -> Event:
    name, place = f"event {number + 1}", f"$.events[{number}]"
    try:
        line = msgspec.convert(raw, Line)
        name, place = f"{name}, {line.kind}", f"{place}.data" if line.data else place
        kind = TYPES.get(line.kind)
        if kind is None:
            return Unknown(at=line.at, name=line.kind, more=line.data)
        keys = keys_of(kind)
        own = {key: value for key, value in line.data.items() if key in keys}
        more = {key: value for key, value in line.data.items() if key not in keys}
        return msgspec.convert({**own, "at": line.at, "more": more, "event": line.kind}, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise msgspec.ValidationError(f"{name}: {message} - at `{place}{where or '`'}") from error
