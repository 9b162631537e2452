"""Files of a session's folder: where nothing walls it in, the session can write there too."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TypeVar

import msgspec

from swarmgit.documents.state import from_json

T = TypeVar("T")

YEAR_MIN, YEAR_MAX = 1970, 2200
NUMBER_MAX = 10**15


def from_session(data: bytes, kind: type[T]) -> T:
    """Return the value that `to_json` wrote; ValueError for anything else, and for what nobody can calculate with."""
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
