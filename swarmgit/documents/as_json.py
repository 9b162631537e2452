"""Values of the model as JSON: in caches, and in the files of a session's folder."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TypeVar

import msgspec

T = TypeVar("T")

YEAR_MIN, YEAR_MAX = 1970, 2200
NUMBER_MAX = 10**15
_ENCODER = msgspec.json.Encoder(order="deterministic")


def to_json(value: object) -> bytes:
    """Return a value of the model as JSON, always the same for the same value."""
    return _ENCODER.encode(value)


def from_json(data: bytes, kind: type[T]) -> T:
    """Return the value that `to_json` wrote; ValueError for anything else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def from_session(data: bytes, kind: type[T]) -> T:
    """Return the value in a file of a session's folder; ValueError also for what nobody can calculate with.

    Where nothing walls a session in, it can write there too.
    """
    value = from_json(data, kind)
    left: list[object] = [value]
    while left:
        here = left.pop()
        if isinstance(here, msgspec.Struct):
            left += [getattr(here, name) for name in here.__struct_fields__]
        elif isinstance(here, list | tuple | set | frozenset):
            left += here
        elif isinstance(here, dict):
            left += here.values()
        elif not _is_sound(here):
            raise ValueError(f"{str(here)[:40]} is beyond all bounds")
    return value


def _is_sound(value: object) -> bool:
    if isinstance(value, datetime):
        return value.tzinfo is not None and YEAR_MIN <= value.year <= YEAR_MAX
    if isinstance(value, int | float):
        return (
            math.isfinite(value) and abs(value) <= NUMBER_MAX if isinstance(value, float) else abs(value) <= NUMBER_MAX
        )
    return True
